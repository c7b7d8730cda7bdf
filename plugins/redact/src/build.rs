//! From a configuration to a plan; finds all faults at once.

use crate::annotations::{Annotation, Classification, EMBEDDED};
use crate::config::{Action, Class, Config, Detect, Handling, On, Rule as Configured, Select};
use crate::detect::{Detectors, Kind};
use crate::plan::{Detection, Effect, MOST_RULES, Plan, Rule, RuleId};
use crate::roots::Roots;
use crate::scope::{Named, Scopes};
use lockgate_json::select::{Entry, Path, Reach, SelectionBuilder};
use lockgate_sdk::attributes::Attributes;
use lockgate_sdk::{ConfigError, Direction};

/// The words of annotations that mean something in every document, whether this one has them or not.
const STANDARD: [&str; 12] = [
    "PII",
    "financial",
    "government-id",
    "health",
    "secret",
    "credential",
    "contact",
    "other",
    "public",
    "internal",
    "confidential",
    "restricted",
];

/// A rule, and what of the configuration it is about.
pub(crate) struct Draft<'c> {
    pub(crate) rule: Rule,
    pub(crate) about: About<'c>,
    /// Where it stands.
    path: String,
}

/// What a rule is about.
pub(crate) enum About<'c> {
    Fields(&'c Configured),
    Allow(&'c [Select]),
    Unfold(&'c [Select]),
    Detect(&'c Detect),
    /// The class of this number.
    Class(u16),
    Unlisted,
}

/// The drafts, strictest first: the place of each is its number.
pub(crate) struct Drafts<'c>(Vec<Draft<'c>>);

impl Plan {
    /// The plan of a configuration.
    pub(crate) fn build(config: &Config) -> Result<Self, Vec<ConfigError>> {
        let mut faults = Vec::new();
        let drafts = Drafts::of(config);
        drafts.check(config, &mut faults);
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut builder = SelectionBuilder::default();
        let roots = Roots::plan(&mut builder, &drafts, config.classification.as_ref())
            .map_err(|fault| vec![ConfigError::new("classification", fault)])?;
        let selection = builder.build().map_err(|fault| vec![ConfigError::new("", fault.to_string())])?;
        let scopes = Scopes::new(&roots, &selection, &drafts, config.classification.as_ref());
        let detection = Detection::of(&drafts);
        let reads = |direction: &Direction| drafts.read_body(*direction, config.classification.as_ref());
        let bodies = [Direction::Request, Direction::Response].into_iter().filter(reads).collect();
        let rules = drafts.0.into_iter().map(|draft| draft.rule).collect();
        Ok(Self { rules, selection, scopes, detection, bodies, separator: config.separator })
    }
}

impl<'c> Drafts<'c> {
    fn of(config: &'c Config) -> Self {
        let mut all = Vec::new();
        let mut add = |path: String, on, effect, class: Class, unless: &Attributes, about| {
            let rule = Rule { effect, class, on, unless: unless.clone() };
            all.push(Draft { rule, about, path });
        };
        for (at, rule) in config.rules.iter().enumerate() {
            let effect = Effect::Act(rule.action.clone());
            add(format!("rules[{at}]"), rule.on, effect, rule.class.clone(), &rule.unless, About::Fields(rule));
        }
        if let Some(allow) = &config.allow {
            let effect = Effect::Act(allow.action.clone());
            add("allow".to_owned(), allow.on, effect, Class::unlisted(), &allow.unless, About::Allow(&allow.select));
        }
        for (at, detect) in config.detect.iter().enumerate() {
            let effect = Effect::Act(detect.action.clone());
            let path = format!("detect[{at}]");
            add(path, detect.on, effect, Class::detected(), &detect.unless, About::Detect(detect));
        }
        let nobody = Attributes::default();
        let is_described = config.classification.as_ref().is_some_and(Classification::has_embedded);
        if !config.embedded.is_empty() || is_described {
            let about = About::Unfold(&config.embedded);
            add("embedded".to_owned(), On::Both, Effect::Unfold, Class::embedded(), &nobody, about);
        }
        if let Some(unlisted) = &config.unlisted {
            let effect = Effect::Act(unlisted.action.clone());
            let path = "unlisted".to_owned();
            add(path, unlisted.on, effect, Class::unlisted(), &unlisted.unless, About::Unlisted);
        }
        for (number, annotation) in config.annotations() {
            if let Some((path, handling)) = config.handling(annotation) {
                let effect = Effect::Act(handling.action);
                let class = Class::of(annotation);
                add(path, handling.on, effect, class, &handling.unless, About::Class(number));
            }
        }
        all.sort_by_key(|draft| draft.rule.effect.leniency());
        Self(all)
    }

    /// The rules with their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (RuleId, &Draft<'c>)> {
        (0..).zip(&self.0)
    }

    /// The number of the rule for a class, and how far that reaches.
    pub(crate) fn of_class(&self, class: u16) -> Option<(RuleId, Reach)> {
        let is_it = |(_, draft): &(RuleId, &Draft<'_>)| match draft.about {
            About::Class(number) => number == class,
            About::Unfold(_) => class == EMBEDDED,
            _ => false,
        };
        self.iter().find(is_it).map(|(id, draft)| (id, draft.rule.effect.reach()))
    }

    /// The number of the rule for a field of a class in messages of a direction.
    pub(crate) fn of_field(&self, class: u16, direction: Direction) -> Option<RuleId> {
        let (id, _) = self.of_class(class)?;
        self.0.get(usize::from(id)).filter(|draft| draft.rule.on.covers(direction)).map(|_| id)
    }

    /// The number of the rule for what is not listed.
    pub(crate) fn of_unlisted(&self) -> Option<RuleId> {
        self.iter().find(|(_, draft)| matches!(draft.about, About::Unlisted)).map(|(id, _)| id)
    }

    /// Select what rules say of the documents of one direction.
    pub(crate) fn select(&self, entry: &mut Entry<'_>, direction: Direction) {
        for (id, draft) in self.iter().filter(|(_, draft)| draft.rule.on.covers(direction)) {
            let select = match &draft.about {
                About::Fields(rule) => &rule.select,
                About::Unfold(select) => *select,
                About::Allow(select) => {
                    let paths: Vec<Path> = select.iter().map(|select| select.0.clone()).collect();
                    entry.allow(&paths, id);
                    continue;
                }
                About::Detect(_) | About::Class(_) | About::Unlisted => continue,
            };
            for path in select {
                entry.path(&path.0, id, draft.rule.effect.reach());
            }
        }
    }

    /// The rules for fields that `names` finds in what is configured.
    pub(crate) fn named<'n>(&'n self, direction: Direction, names: impl Fn(&'n Configured) -> Vec<&'n str>) -> Named {
        let mut named = Named::new();
        for (id, draft) in self.iter().filter(|(_, draft)| draft.rule.on.covers(direction)) {
            if let About::Fields(rule) = draft.about {
                for name in names(rule) {
                    named.entry(name.to_owned()).or_default().push(id);
                }
            }
        }
        named
    }

    /// Whether bodies of a direction are read.
    fn read_body(&self, direction: Direction, classification: Option<&Classification>) -> bool {
        let mut operations = classification.iter().flat_map(|classification| classification.operations.values());
        let is_described = operations.any(|operation| match direction {
            Direction::Request => {
                operation.request.is_some() || !(operation.form.is_empty() && operation.unread.is_empty())
            }
            Direction::Response => !(operation.responses.is_empty() && operation.response_unread.is_empty()),
        });
        let reads = |(_, draft): (RuleId, &Draft<'_>)| match draft.about {
            About::Fields(rule) => !(rule.select.is_empty() && rule.form.is_empty()),
            About::Allow(_) | About::Detect(_) => true,
            About::Class(_) | About::Unlisted => is_described,
            About::Unfold(_) => false,
        };
        self.iter().filter(|(_, draft)| draft.rule.on.covers(direction)).any(reads)
    }

    fn check(&self, config: &Config, faults: &mut Vec<ConfigError>) {
        if self.0.is_empty() {
            faults.push(ConfigError::new(
                "",
                "says nothing of what is personal: give `rules`, `classes`, `allow` or `detect`",
            ));
        }
        if self.0.len() > MOST_RULES {
            let message = format!(
                "comes to {} rules, classes and detections; at most {MOST_RULES} can be told apart",
                self.0.len()
            );
            faults.push(ConfigError::new("", message));
        }
        match &config.classification {
            Some(classification) => faults.extend(config.unmet(classification)),
            None => faults.extend(config.lacks_classification()),
        }
        for draft in &self.0 {
            draft.check(config.pseudonyms.is_some(), faults);
        }
        faults.sort_by(|one, other| one.path.cmp(&other.path));
    }
}

impl Draft<'_> {
    fn check(&self, has_pseudonyms: bool, faults: &mut Vec<ConfigError>) {
        let mut fault =
            |key: &str, message: &str| faults.push(ConfigError::new(format!("{}{key}", self.path), message));
        if self.rule.effect == Effect::Act(Action::Pseudonym) && !has_pseudonyms {
            fault(".action", "needs the key of pseudonyms: write `pseudonyms = { key = \"NAME\" }`");
        }
        match self.about {
            About::Fields(rule) => {
                let is_empty = [rule.select.len(), rule.headers.len(), rule.query.len(), rule.form.len()] == [0; 4];
                if is_empty {
                    fault("", "selects nothing: give `select`, `headers`, `query` or `form`");
                }
                if rule.on == On::Response && !(rule.query.is_empty() && rule.form.is_empty()) {
                    fault(".on", "`query` and `form` stand in requests: write `on = \"request\"` or `on = \"both\"`");
                }
            }
            About::Detect(detect) if detect.query && detect.on == On::Response => {
                fault(".on", "queries stand in requests: write `on = \"request\"` or `on = \"both\"`");
            }
            _ => {}
        }
        faults.extend(self.rule.unless.faults(&format!("{}.unless", self.path)));
    }
}

impl Effect {
    /// What only leads to other rules applies where none of them does.
    fn leniency(&self) -> u8 {
        match self {
            Self::Act(action) => action.leniency(),
            Self::Unfold => u8::MAX,
        }
    }

    /// Whether it is about a value as a whole, or about each scalar in it.
    fn reach(&self) -> Reach {
        match self {
            Self::Unfold | Self::Act(Action::Block | Action::Remove | Action::Null) => Reach::Here,
            Self::Act(_) => Reach::Below,
        }
    }
}

impl Config {
    fn annotations(&self) -> impl Iterator<Item = (u16, &Annotation)> {
        let classes = self.classification.iter().flat_map(|classification| &classification.classes);
        (0..).zip(classes)
    }

    /// What is asked of a document that is not there; once, whatever asks.
    fn lacks_classification(&self) -> Option<ConfigError> {
        let asks = [("classes", !self.classes.is_empty()), ("unlisted", self.unlisted.is_some())];
        let (path, _) = asks.into_iter().find(|(_, asks)| *asks)?;
        let message = "needs the API's OpenAPI document: write `with = [\"classification\"]` beside `config`";
        Some(ConfigError::new(path, message))
    }

    /// What the configuration and the document say and the other does not understand.
    fn unmet(&self, classification: &Classification) -> Vec<ConfigError> {
        let known = classification.words();
        let unmet = self.classes.keys().filter(|word| !(known.contains(&***word) || STANDARD.contains(&&***word)));
        let there: Vec<_> = known.iter().map(|word| format!("`{word}`")).collect();
        let unmet = unmet.map(|word| {
            let message = format!("nothing is classified as `{word}`: here there are {}", there.join(", "));
            ConfigError::new(format!("classes.{word}"), message)
        });
        let named = |annotation: &Annotation| annotation.words().iter().any(|word| self.classes.contains_key(*word));
        let unknown = classification.classes.iter().filter(|annotation| !named(annotation)).filter_map(|annotation| {
            let (strategy, category) = (annotation.unknown_strategy()?, &annotation.category);
            let message = format!(
                "the document asks for the masking strategy `{strategy}`, of which nothing is known here: write one of \
                 `remove`, `\"null\"`, `mask`, `hash`, `partial` and `tokenize` there, or in `classes` what becomes of \
                 it, `\"{category}\" = {{ action = \"mask\" }}`"
            );
            Some(ConfigError::new("classification", message))
        });
        unmet.chain(unknown).collect()
    }

    /// What becomes of an annotated value, and where that is said: by its category, by its sensitivity, or else in the
    /// document.
    fn handling(&self, annotation: &Annotation) -> Option<(String, Handling)> {
        for word in annotation.words() {
            if let Some(handling) = self.classes.get(word) {
                return Some((format!("classes.{word}"), handling.clone()));
            }
        }
        let action = annotation.action(self.pseudonyms.is_some())?;
        Some(("classification".to_owned(), Handling { on: On::Response, action, unless: Attributes::default() }))
    }
}

impl Detection {
    fn of(drafts: &Drafts<'_>) -> Option<Self> {
        let detect = drafts.iter().filter_map(|(id, draft)| match draft.about {
            About::Detect(detect) => Some((id, detect)),
            _ => None,
        });
        let all: Vec<(RuleId, &Detect)> = detect.collect();
        if all.is_empty() {
            return None;
        }
        let kinds = |(id, detect): &(RuleId, &Detect)| {
            let (id, kinds) = (*id, detect.kinds);
            Kind::ALL.iter().copied().filter(move |kind| kinds.contains(*kind)).map(move |kind| (kind, id))
        };
        let headers = |(_, detect): &(RuleId, &Detect)| {
            let on = detect.on;
            detect.headers.iter().map(move |name| (on, name.as_str().to_owned())).collect::<Vec<_>>()
        };
        let by_kind: Vec<_> = all.iter().flat_map(kinds).collect();
        Some(Self {
            detectors: Detectors::new(by_kind.iter().map(|(kind, _)| *kind).collect()),
            by_kind,
            rules: all.iter().fold(0, |bits, (id, _)| bits | 1 << id),
            on: all.iter().map(|(_, detect)| detect.on).collect(),
            headers: all.iter().flat_map(headers).collect(),
            queries: all.iter().any(|(_, detect)| detect.query),
        })
    }
}
