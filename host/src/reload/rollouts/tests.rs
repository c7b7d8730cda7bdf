//! Folders, failures and decisions at random, beside a model of what serves.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use super::*;
use crate::config::Tree;
use crate::content::Digest;

/// What the folder says: which code, and whether that is to run in the shadow first.
#[derive(Debug, Clone, Copy)]
struct Folder {
    code: u8,
    shadow: bool,
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Folder(Folder),
    /// What serves fails again and again.
    Failure,
    Promote,
    Abort,
}

fn event() -> impl Strategy<Value = Event> {
    let folder = (0..4u8, any::<bool>()).prop_map(|(code, shadow)| Event::Folder(Folder { code, shadow }));
    prop_oneof![4 => folder, 2 => Just(Event::Failure), 1 => Just(Event::Promote), 1 => Just(Event::Abort)]
}

impl Folder {
    fn config(self) -> Config {
        let shadow = if self.shadow { "rollout = { shadow = '1m' }\n" } else { "" };
        let gateway = format!(
            "chain = [{{ policy = 'p', config = {{ of = {} }} }}]\n[listen.a]\naddress = '127.0.0.1:1'\n\
             [policy.p]\nsource = 'file:p.wasm'\n{shadow}",
            self.code
        );
        Config::parse(&Tree::from_files([("gateway.toml", gateway), ("p.wasm", text(self.code))])).unwrap()
    }
}

fn text(code: u8) -> String {
    format!("code {code}")
}

fn digest(code: u8) -> Digest {
    Digest::of(text(code).as_bytes())
}

/// Which of the codes a policy runs.
fn running(config: &Config) -> u8 {
    let code = config.policies["p"].source.code().unwrap();
    (0..4).find(|it| *text(*it).as_bytes() == **code).unwrap()
}

/// What ought to be.
#[derive(Debug, Default)]
struct Model {
    serving: Option<u8>,
    /// What served before that while that was new, the last one last.
    before: Vec<u8>,
    bad: BTreeSet<u8>,
    /// What served, and was replaced by no fault of its own.
    proven: BTreeSet<u8>,
}

impl Model {
    fn look(&mut self, Folder { code, shadow }: Folder) {
        let waits = self.bad.contains(&code) || shadow && self.serving.is_some() && !self.proven.contains(&code);
        if self.serving != Some(code) && !waits {
            self.serves(code);
        }
    }

    fn serves(&mut self, code: u8) {
        self.bad.remove(&code);
        self.proven.remove(&code);
        if let Some(before) = self.serving.replace(code) {
            if self.before.len() == MOST_EARLIER {
                self.before.remove(1);
            }
            self.before.push(before);
            self.proven.insert(before);
        }
    }

    fn fails(&mut self) {
        let is_good = |code: &u8| !self.bad.contains(code) && Some(*code) != self.serving;
        if let Some(last) = self.before.iter().rposition(is_good) {
            let before = self.before.drain(last..).next().unwrap();
            self.proven.remove(&before);
            self.bad.extend(self.serving.replace(before));
        }
    }
}

proptest! {
    #[test]
    fn code_that_is_bad_or_not_proven_never_serves(events in prop::collection::vec(event(), 1..30)) {
        let (mut model, mut rollouts, mut now) = (Model::default(), Rollouts::default(), SystemTime::UNIX_EPOCH);
        let mut folder = Folder { code: 0, shadow: false };
        for event in events {
            now += Duration::from_secs(1);
            let serving = model.serving;
            match event {
                Event::Folder(next) => folder = next,
                Event::Failure => {
                    if let Some(failed) = serving
                        && let Some(next) = rollouts.take_back("p", digest(failed), Standing::TakenBack("x".into()), now)
                    {
                        rollouts = next;
                    }
                    model.fails();
                }
                Event::Promote if serving.is_some_and(|serving| serving != folder.code) => {
                    rollouts = rollouts.decide("p", digest(folder.code), Standing::Promoted, now);
                    model.serves(folder.code);
                }
                Event::Abort if serving.is_some_and(|serving| serving != folder.code) => {
                    rollouts = rollouts.decide("p", digest(folder.code), Standing::Aborted, now);
                    model.bad.insert(folder.code);
                    model.proven.remove(&folder.code);
                }
                Event::Promote | Event::Abort => {}
            }
            model.look(folder);
            for is_with_configs in [false, true] {
                let mut config = folder.config();
                let past: Past = is_with_configs.then(|| ("p".to_owned(), String::new())).into_iter().collect();
                let faults = rollouts.apply(&mut config, &past, &BTreeSet::new());
                prop_assert_eq!(model.serving, Some(running(&config)), "{:?}", model);
                prop_assert_eq!(!faults.is_empty(), model.bad.contains(&folder.code), "{:?}", faults);
                let written = config.written.get("p");
                prop_assert_eq!(written.is_some(), running(&config) != folder.code);
                let is_shadow = written.is_some_and(|written| written.is_shadow);
                prop_assert_eq!(is_shadow, written.is_some() && !model.bad.contains(&folder.code));
                let entry = &config.chain[0];
                let of = |config: &serde_json::Value| u8::try_from(config["of"].as_u64().unwrap()).unwrap();
                let expected = if is_with_configs { running(&config) } else { folder.code };
                prop_assert_eq!(of(&entry.config), expected, "with the configuration of its time, or of now");
                prop_assert_eq!(entry.shadow.as_ref().map(of), is_shadow.then_some(folder.code));
                if !is_with_configs {
                    continue;
                }
                rollouts = rollouts.after(&config, &past, [].iter(), now);
                prop_assert_eq!(rollouts.after(&config, &past, [].iter(), now), rollouts.clone(), "to say it again changes nothing");
            }
            prop_assert_eq!(rollouts.before.contains_key("p"), !model.before.is_empty());
        }
    }
}

#[test]
fn code_is_new_only_for_a_while() {
    let first = Rollouts::default().after(
        &Folder { code: 0, shadow: false }.config(),
        &Past::new(),
        [].iter(),
        SystemTime::UNIX_EPOCH,
    );
    let second =
        first.after(&Folder { code: 1, shadow: false }.config(), &Past::new(), [].iter(), SystemTime::UNIX_EPOCH);
    let taken_back = |after| {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(after);
        second.take_back("p", digest(1), Standing::TakenBack("x".into()), now).is_some()
    };
    assert!(taken_back(599));
    assert!(!taken_back(600));
}

#[test]
fn what_a_policy_without_a_past_may_not_run_it_does_not_run() {
    let folder = Folder { code: 1, shadow: true };
    let bad = Rollouts::default().decide("p", digest(1), Standing::Aborted, SystemTime::UNIX_EPOCH);
    let mut config = folder.config();
    let faults = bad.apply(&mut config, &Past::new(), &BTreeSet::new());
    assert_eq!(config.policies["p"].source.code(), None);
    assert!(faults[0].reason.contains("its rollout was aborted"), "{faults:?}");
}
