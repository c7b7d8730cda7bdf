//! What one worker thread holds: the generation it serves, and what its requests share.

use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use http::HeaderMap;

use super::explain;
use super::refusals::Refusals;
use crate::generation::{Generation, Local};
use crate::keys::DebugKey;
use crate::observe::Teller;
use crate::telemetry::access_log::{AccessLog, LoggedPath, Record};
use crate::telemetry::account::Account;
use crate::telemetry::load::Load;
use crate::telemetry::metrics::{Label, Refusal};
use crate::telemetry::trail::Trails;
use crate::telemetry::{Blame, RequestId, SpanContext};

/// The state of a worker. Everything in it belongs to one thread, so nothing in it is locked.
pub(crate) struct Worker {
    current: RefCell<Rc<Local>>,
    scratch: Cell<Vec<u8>>,
    next_number: Cell<u64>,
    refusals: Refusals,
    /// Whether what is under way ends because the process does.
    cut: Cell<bool>,
    common: Common,
    /// Where every exchange is told of, if that is kept.
    teller: Option<Teller>,
    trails: Trails,
}

/// What all workers have in common; cheap to clone.
#[derive(Clone)]
pub(crate) struct Common {
    pub(crate) access_log: Option<AccessLog>,
    pub(crate) debug_key: Option<Arc<DebugKey>>,
    pub(crate) load: Load,
}

impl Worker {
    pub(crate) fn new(generation: Arc<Generation>, common: Common) -> Self {
        Self {
            current: RefCell::new(Rc::new(Local::new(generation, None))),
            scratch: Cell::default(),
            // Ids are for finding, not for secrecy; a random start keeps those of two runs and workers apart.
            next_number: Cell::new(getrandom::u64().unwrap_or_default()),
            refusals: Refusals::default(),
            cut: Cell::new(false),
            common,
            teller: None,
            trails: Trails::default(),
        }
    }

    /// Tell of every exchange.
    pub(crate) fn telling(self, teller: Option<Teller>) -> Self {
        Self { teller, ..self }
    }

    /// Number requests from here on.
    pub(crate) fn numbered_from(self, first: u64) -> Self {
        Self { next_number: Cell::new(first), ..self }
    }

    /// The generation that requests beginning now are served by.
    pub(crate) fn current(&self) -> Rc<Local> {
        self.current.borrow().clone()
    }

    /// Serve `generation` from now on; requests under way keep theirs.
    pub(crate) fn publish(&self, generation: Arc<Generation>) {
        let next = Local::new(generation, Some(&self.current()));
        // The old view may be the last of its kind: it is dropped after the borrow has ended.
        let old = self.current.replace(Rc::new(next));
        drop(old);
    }

    /// From now on, what ends early ends because the process does.
    pub(crate) fn cut(&self) {
        self.cut.set(true);
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut.get()
    }

    /// Begin a request, unless there are too many.
    pub(super) fn begin(&self) -> bool {
        self.common.load.begin()
    }

    /// A request that had begun is over.
    pub(super) fn end(&self) {
        self.common.load.end();
    }

    /// Log that a client was turned away before there was a request, unless many were just now.
    pub(crate) fn refused(&self, client: Option<IpAddr>, reason: Refusal) {
        let time = SystemTime::now();
        let Some(log) = self.access_log().filter(|_| self.refusals.admit(reason, time)) else { return };
        log.record(Record {
            time,
            id: RequestId::Number(self.next_number()),
            trace: None,
            client: client.map(Into::into),
            method: None,
            api: None,
            route: None,
            pattern: None,
            path: LoggedPath::default(),
            status: None,
            class: reason.name(),
            blame: Blame::Client.into(),
            bytes_in: 0,
            bytes_out: 0,
            duration_us: 0,
            upstream_us: None,
            policy_us: 0,
            gateway_us: 0,
            counts: Vec::new(),
        });
    }

    pub(super) fn scratch(&self) -> &Cell<Vec<u8>> {
        &self.scratch
    }

    pub(super) fn next_number(&self) -> u64 {
        let id = self.next_number.get();
        self.next_number.set(id.wrapping_add(1));
        id
    }

    /// An account to be kept of a request, where its trace is recorded or it shows a debug token; and whether it shows
    /// one.
    pub(super) fn account(&self, headers: &HeaderMap, recorded: Option<SpanContext>) -> (Option<Rc<Account>>, bool) {
        let explains = self.common.debug_key.as_ref().is_some_and(|key| explain::is_due(key, headers));
        let wanted = explains || recorded.is_some();
        (wanted.then(|| Rc::new(Account::new(recorded))), explains)
    }

    pub(super) fn trails(&self) -> &Trails {
        &self.trails
    }

    pub(crate) fn teller(&self) -> Option<&Teller> {
        self.teller.as_ref()
    }

    pub(super) fn access_log(&self) -> Option<&AccessLog> {
        self.common.access_log.as_ref()
    }
}
