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

/// How often a question is put that others give up.
const MOST_TRIES: usize = 3;

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
    under_way: Mutex<HashMap<Question, watch::Sender<Option<Outcome>>>>,
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

impl Question {
    /// What tells a call from every other to the same service; `fields` in the form policies name them.
    pub(crate) fn of(method: &str, target: &str, fields: &[u8], body: &[u8]) -> Self {
        let mut context = Context::new(&SHA256);
        for part in [method.as_bytes(), target.as_bytes(), fields, body] {
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part);
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(context.finish().as_ref());
        Self(digest)
    }
}

impl Egress {
    /// What was answered at most so long ago. What is too old for one who asks is kept for nobody.
    pub(crate) fn remembered(&self, question: &Question, max_age: Duration) -> Option<Arc<Answer>> {
        let answer = self.remembered.answers.get(question)?;
        if answer.age() > max_age {
            self.remembered.answers.remove(question);
            return None;
        }
        self.metrics.remembered();
        Some(answer)
    }

    /// Ask, or hear what comes of the same question that somebody is asking. What `is_kept` is there for those who ask
    /// later, and given up where nobody wants to know any more; anything else may change something, and is not.
    pub(crate) async fn learn(self: Arc<Self>, question: Question, call: Call, is_kept: bool) -> Outcome {
        for _ in 0..MOST_TRIES {
            let mut news = self.listen(question, &call, is_kept);
            if let Ok(Some(outcome)) = news.wait_for(Option::is_some).await.map(|told| told.clone()) {
                return outcome;
            }
            // It was given up just before this one came, or whoever asked has ended without a word.
            if !is_kept {
                break;
            }
        }
        Err(Arc::new(EgressError::Timeout))
    }

    fn listen(self: &Arc<Self>, question: Question, call: &Call, is_kept: bool) -> watch::Receiver<Option<Outcome>> {
        let mut under_way = self.remembered.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let (teller, news) = match under_way.entry(question) {
            Entry::Occupied(known) => return known.get().subscribe(),
            Entry::Vacant(place) => {
                let (teller, news) = watch::channel(None);
                place.insert(teller.clone());
                (teller, news)
            }
        };
        // Where nothing is spawned any more, what says that it is over needs the lock.
        drop(under_way);
        let (asking, call) = (Asking { egress: self.clone(), question }, call.clone());
        tokio::spawn(async move {
            let sent = async {
                if is_kept {
                    tokio::select! {
                        sent = asking.egress.send(call) => Some(sent),
                        () = teller.closed() => None,
                    }
                } else {
                    Some(asking.egress.send(call).await)
                }
            };
            let Some(sent) = sent.await else { return };
            let outcome = sent.map(|reply| Arc::new(Answer { reply, came: Instant::now() })).map_err(Arc::new);
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
