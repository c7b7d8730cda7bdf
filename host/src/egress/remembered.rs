//! What services answered, remembered for whoever asks the same again, and asked once for all who want to know it now.
//!
//! An answer is known by a digest of the whole call, so that what was asked, a token for one, is kept nowhere.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{Context, SHA256};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tokio::sync::watch;

use super::{Call, Egress, EgressError, Reply};

/// Bytes an answer costs beside those of its reply, about.
const OVERHEAD: u64 = 256;
/// Bytes of a large answer, about: each of the parts the cache is divided into has room for several.
const LARGE: u64 = 64 * 1024;

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Question([u8; 32]);

/// What a service said to it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) reply: Reply,
    came: Instant,
}

impl Answer {
    /// How long ago it came.
    pub(crate) fn age(&self) -> Duration {
        self.came.elapsed()
    }
}

/// An answer, or why there is none; of all who wanted to know.
pub(crate) type Outcome = Result<Arc<Answer>, Arc<EgressError>>;

/// The answers of one service.
pub(super) struct Remembered {
    answers: Cache<Question, Arc<Answer>, Weight>,
    /// What is being asked, and to whom it is told.
    under_way: Mutex<HashMap<Question, watch::Receiver<Option<Outcome>>>>,
}

impl Remembered {
    /// Answers of so many bytes, about; those least asked for give way.
    pub(super) fn new(most: u64) -> Self {
        let count = usize::try_from(most / LARGE).unwrap_or(usize::MAX);
        Self { answers: Cache::with_weighter(count, most, Weight), under_way: Mutex::default() }
    }
}

impl std::fmt::Debug for Remembered {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Remembered").field("answers", &self.answers.len()).finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct Weight;

impl Weighter<Question, Arc<Answer>> for Weight {
    fn weight(&self, _: &Question, answer: &Arc<Answer>) -> u64 {
        let Reply { fields, body, .. } = &answer.reply;
        let fields: usize = fields.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        OVERHEAD + (fields + body.len()) as u64
    }
}

impl Call {
    /// What tells it from every other call to the same service.
    pub(crate) fn question(&self) -> Question {
        let mut context = Context::new(&SHA256);
        let mut add = |part: &[u8]| {
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part);
        };
        add(self.method.as_bytes());
        add(self.target.as_bytes());
        add(&self.body);
        for (name, value) in &self.fields {
            add(name.as_bytes());
            add(value);
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(context.finish().as_ref());
        Question(digest)
    }
}

impl Egress {
    /// What was answered at most so long ago.
    pub(crate) fn remembered(&self, question: &Question, max_age: Duration) -> Option<Arc<Answer>> {
        let answer = self.remembered.answers.get(question).filter(|answer| answer.age() <= max_age)?;
        self.metrics.remembered();
        Some(answer)
    }

    /// Ask, or hear what comes of the same question that somebody is asking. It is asked whatever becomes of who wants to
    /// know: others may be waiting too. What `is_kept` is there for those who ask later.
    pub(crate) async fn learn(self: Arc<Self>, question: Question, call: Call, is_kept: bool) -> Outcome {
        let mut news = self.listen(question, call, is_kept);
        match news.wait_for(Option::is_some).await.map(|told| told.clone()) {
            Ok(Some(outcome)) => outcome,
            // Who asked has ended without a word, as when the gateway ends.
            Ok(None) | Err(_) => Err(Arc::new(EgressError::Timeout)),
        }
    }

    fn listen(self: &Arc<Self>, question: Question, call: Call, is_kept: bool) -> watch::Receiver<Option<Outcome>> {
        let mut under_way = self.remembered.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let place = match under_way.entry(question) {
            Entry::Occupied(known) => return known.get().clone(),
            Entry::Vacant(place) => place,
        };
        let (teller, news) = watch::channel(None);
        place.insert(news.clone());
        let asking = Asking { egress: self.clone(), question };
        tokio::spawn(async move {
            let outcome = asking.egress.send(call).await;
            let outcome = outcome.map(|reply| Arc::new(Answer { reply, came: Instant::now() })).map_err(Arc::new);
            if let Ok(answer) = &outcome
                && is_kept
            {
                asking.egress.remembered.answers.insert(question, answer.clone());
            }
            // It is over before it is told, so that who asks from now on is told of something newer.
            drop(asking);
            teller.send_replace(Some(outcome));
        });
        news
    }
}

/// That a question is being asked, while this lives.
struct Asking {
    egress: Arc<Egress>,
    question: Question,
}

impl Drop for Asking {
    fn drop(&mut self) {
        let mut under_way = self.egress.remembered.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.remove(&self.question);
    }
}
