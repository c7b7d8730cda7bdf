//! Changes the folder, one way after the other, and finds out when a change serves.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use lockgate_tests::{Client, Dice, PATIENCE};

use crate::accounts::Accounts;
use crate::broken;
use crate::stage::Stage;
use crate::state::{Asked, SHAPES, State};
use crate::times::Times;

/// Out of so many changes one is broken.
const BROKEN: u64 = 10;
/// Builds of a component that come again and again; others are never seen before.
const KNOWN: u64 = 4;
/// From one question whether a change serves to the next.
const PAUSE: Duration = Duration::from_millis(1);
/// What takes longer than this is told.
const SLOW: Duration = Duration::from_secs(1);
/// Longest pause between changes that follow each other closely, in microseconds: around the time that the gateway
/// waits for more.
const CLOSE: u64 = 30_000;

/// Kinds of changes, and how many of a hundred are of each.
const CHANGES: &[(&str, u64, fn(&mut Swapper, &mut State))] = &[
    ("a configuration", 18, |this, to| to.api = this.number()),
    ("a chain", 14, |this, to| (to.api, to.shape) = (this.number(), this.dice.throw(SHAPES.len() as u64) as usize)),
    ("a component that was there before", 14, |this, to| this.component(to, 1)),
    ("a component never seen", 4, |this, to| {
        let number = this.number();
        this.component(to, KNOWN + number);
    }),
    ("the gateway's own chain", 15, |this, to| to.gateway = this.number()),
    ("a certificate", 12, |this, to| to.certificate = this.number()),
    ("the file of an answer", 15, |this, to| to.answer = this.number()),
    ("an API more or less", 8, |this, to| {
        to.visitor = match to.visitor {
            Some(_) => None,
            None => Some(this.number()),
        }
    }),
];

/// Who changes the folder.
pub(crate) struct Swapper {
    pub(crate) stage: Arc<Stage>,
    pub(crate) dice: Dice,
    /// What the folder says, where it is not broken.
    pub(crate) state: State,
    last_number: u64,
    pub(crate) accounts: Accounts,
    /// By kind, how long a change took from its rename to the first response by it.
    pub(crate) times: BTreeMap<&'static str, Times>,
    pub(crate) counts: BTreeMap<&'static str, u64>,
    /// The last kind of change.
    last: &'static str,
    /// Changes that took long, and what came before each.
    pub(crate) slow: Vec<String>,
    pub(crate) faults: Vec<String>,
}

impl Swapper {
    pub(crate) fn new(stage: Arc<Stage>, seed: u64) -> Self {
        let (state, dice) = (stage.history.state(0), Dice::new(seed));
        let (accounts, times, counts, last, slow, faults) = Default::default();
        Self { stage, dice, state, last_number: 1, accounts, times, counts, last, slow, faults }
    }

    /// One change, whatever it is. Says whether to go on.
    pub(crate) fn swap(&mut self) -> bool {
        let done = match self.dice.throw(100) {
            dice if dice < 100 / BROKEN => self.broken(),
            dice if dice < 14 => self.folder(),
            dice if dice < 20 => self.burst(),
            _ => self.single(),
        };
        self.noted(done);
        !self.stage.history.has_faults()
    }

    /// Everything as it was at first, but for the numbers.
    pub(crate) fn calm(&mut self) {
        let number = self.number();
        let to = State { gateway: number, api: number, answer: number, certificate: number, ..State::first() };
        let done = self.exchange(to, "everything, to rest");
        self.noted(done);
    }

    /// What could not be done is a fault, unless there was one before that.
    pub(crate) fn noted(&mut self, done: io::Result<()>) {
        if let Err(error) = done
            && !self.stage.history.has_faults()
        {
            self.fault(error.to_string());
        }
    }

    /// A number that was never used.
    pub(crate) fn number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    fn fault(&mut self, text: String) {
        let newest = self.stage.history.newest();
        self.stage.history.fault();
        self.faults.push(format!("{text}; after {newest} states, the folder should say {:?}", self.state));
    }

    /// Put another build in the place of one of the components: the one after it, or another one.
    fn component(&mut self, to: &mut State, step: u64) {
        let which = self.dice.throw(2) as usize;
        to.builds[which] = match step {
            1 => self.state.builds[which] % KNOWN + 1,
            unseen => unseen,
        };
    }

    /// Draw a change.
    pub(crate) fn draw(&mut self) -> (State, &'static str) {
        let mut at = self.dice.throw(100);
        for (what, weight, change) in CHANGES {
            if at < *weight {
                let mut to = self.state.clone();
                change(self, &mut to);
                return (to, what);
            }
            at -= weight;
        }
        unreachable!("the weights are a hundred")
    }

    /// The folder is written, and that is a state.
    pub(crate) fn write(&mut self, to: State, what: &'static str) -> io::Result<usize> {
        let at = self.stage.history.push(to.clone(), what);
        self.stage.write(&self.state, &to)?;
        self.state = to;
        self.did(what);
        Ok(at)
    }

    fn did(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
        self.last = what;
    }

    fn single(&mut self) -> io::Result<()> {
        let (to, what) = self.draw();
        self.timed(to, what)
    }

    /// Write a state, and tell when the first response is by it.
    pub(crate) fn timed(&mut self, to: State, what: &'static str) -> io::Result<()> {
        let (generation, before) = (self.generation(), self.last);
        let at = self.write(to, what)?;
        let written = Instant::now();
        self.wait_until_shown(what)?;
        let took = written.elapsed();
        self.times.entry(what).or_default().push(took);
        if took > SLOW {
            self.slow.push(format!("{:.1} s: {what} (state {at}), after {before}", took.as_secs_f64()));
        }
        match self.dice.throw(2) {
            0 => self.wait_for_generation(generation + 1)?,
            _ => self.look()?,
        }
        self.stage.history.confirm(at);
        Ok(())
    }

    /// Several changes that follow each other so closely that they may be taken for one.
    fn burst(&mut self) -> io::Result<()> {
        for _ in 0..2 + self.dice.throw(3) {
            let (to, what) = self.draw();
            self.write(to, what)?;
            sleep(Duration::from_micros(self.dice.throw(CLOSE)));
        }
        self.look()?;
        self.stage.history.confirm(self.stage.history.newest());
        self.wait_until_shown("several changes")
    }

    /// Another folder takes the place of the one there is, in the middle of a change now and then.
    fn folder(&mut self) -> io::Result<()> {
        if self.dice.throw(2) == 0 {
            let (to, what) = self.draw();
            self.write(to, what)?;
            sleep(Duration::from_micros(self.dice.throw(CLOSE)));
        }
        let number = self.number();
        let shape = self.dice.throw(SHAPES.len() as u64) as usize;
        let builds = [1 + self.dice.throw(KNOWN), 1 + self.dice.throw(KNOWN)];
        let visitor = (self.dice.throw(2) == 0).then_some(number);
        let all = State { gateway: number, api: number, shape, builds, answer: number, certificate: number, visitor };
        self.exchange(all, "the whole folder")
    }

    fn exchange(&mut self, to: State, what: &'static str) -> io::Result<()> {
        let at = self.stage.history.push(to.clone(), what);
        self.stage.exchange(&to)?;
        self.state = to;
        self.did(what);
        self.look()?;
        // Not asked before: whoever is told that it serves may rely on it.
        self.stage.history.confirm(at);
        self.wait_until_shown(what)
    }

    /// Write something that cannot serve: what served goes on to. Then put it right, or go on from there.
    fn broken(&mut self) -> io::Result<()> {
        let (what, wrong) = broken::draw(&mut self.dice, &self.state, &self.stage.parts);
        let generation = self.generation();
        wrong.write(&self.stage.gateway);
        self.did(what);
        if self.dice.throw(2) == 0 {
            self.stage.gateway.look();
        }
        self.wait_for(&format!("{what} to be told in /status"), |this| tells_faults(&this.stage.gateway.status()))?;
        if self.generation() != generation {
            // Whether other parts of a folder may serve all the same is not asked here: nothing else has changed.
            self.wait_until_shown(what)?;
        }
        self.ask_all()?;
        wrong.take_back(&self.stage, &self.state);
        if self.dice.throw(2) == 0 {
            return self.single();
        }
        self.look()
    }

    /// What was there before answers everything.
    fn ask_all(&mut self) -> io::Result<()> {
        let (mut client, mut seen) = (self.stage.gateway.connect(), 0);
        for asked in [Asked::Proxied, Asked::Answer, Asked::Visitor, Asked::Now(self.state.api)] {
            self.stage.ask(&mut client, asked, "whoever swaps", &mut seen, &mut self.accounts)?;
        }
        Ok(())
    }

    /// Have the folder looked at; what it says serves then.
    pub(crate) fn look(&mut self) -> io::Result<()> {
        let looked = self.stage.gateway.look();
        match looked["faults"].as_array() {
            Some(faults) if faults.is_empty() => Ok(()),
            _ => Err(io::Error::other(format!("a good state of the folder was refused: {looked}"))),
        }
    }

    fn generation(&self) -> u64 {
        self.stage.gateway.status()["generation"].as_u64().unwrap_or_default()
    }

    fn wait_for_generation(&mut self, number: u64) -> io::Result<()> {
        self.wait_for(&format!("generation {number}"), |this| this.generation() >= number)
    }

    /// Ask until a response is by what the folder says.
    pub(crate) fn wait_until_shown(&mut self, what: &str) -> io::Result<()> {
        let mut client = self.stage.gateway.connect();
        let mut seen = 0;
        self.wait_for(&format!("{what} to serve"), |this| this.shows(&mut client, &mut seen).unwrap_or(false))
    }

    /// Whether everything is answered by what the folder says.
    fn shows(&mut self, client: &mut Client, seen: &mut usize) -> io::Result<bool> {
        for asked in [Asked::Proxied, Asked::Answer, Asked::Visitor] {
            let answered = self.stage.ask(client, asked, "whoever swaps", seen, &mut self.accounts);
            let said = answered.inspect_err(|error| self.stage.reset(&mut self.accounts, "whoever swaps", error))?;
            if said != self.state.says(asked) {
                return Ok(false);
            }
        }
        let before = self.stage.history.state(self.stage.history.confirmed());
        if before.certificate == self.state.certificate {
            return Ok(true);
        }
        Ok(self.stage.parts.certificates.connect(self.stage.secure)?.1 == Some(self.state.certificate))
    }

    fn wait_for(&mut self, what: &str, mut is: impl FnMut(&mut Self) -> bool) -> io::Result<()> {
        let begun = Instant::now();
        while !is(self) {
            if self.stage.history.has_faults() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            if begun.elapsed() > PATIENCE {
                let status = self.stage.gateway.status();
                return Err(io::Error::other(format!(
                    "waited in vain for {what}; generation {} serves, refused is {}",
                    status["generation"], status["refused"]
                )));
            }
            sleep(PAUSE);
        }
        Ok(())
    }
}

/// Whether there are faults anywhere in `/status`.
pub(crate) fn tells_faults(status: &serde_json::Value) -> bool {
    match status {
        serde_json::Value::Object(parts) => parts.iter().any(|(key, value)| {
            key == "faults" && value.as_array().is_some_and(|faults| !faults.is_empty()) || tells_faults(value)
        }),
        serde_json::Value::Array(parts) => parts.iter().any(tells_faults),
        _ => false,
    }
}
