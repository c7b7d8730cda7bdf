//! What requests can be told apart by.

use super::super::rollup::{Axis, NONE, Name, OTHER, Series};
use super::fault::QueryFault;
use crate::near::nearest;
use crate::telemetry::metrics::Label;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Dimension {
    Api,
    Version,
    Operation,
    Consumer,
    Application,
    /// Kinds of status, such as 5xx.
    Status,
    Code,
    Class,
    Blame,
    Policy,
    Hook,
    /// What a policy said, or how it failed.
    Verdict,
}

impl Dimension {
    const ALL: [Self; 12] = [
        Self::Api,
        Self::Version,
        Self::Operation,
        Self::Consumer,
        Self::Application,
        Self::Status,
        Self::Code,
        Self::Class,
        Self::Blame,
        Self::Policy,
        Self::Hook,
        Self::Verdict,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Version => "version",
            Self::Operation => "operation",
            Self::Consumer => "consumer",
            Self::Application => "application",
            Self::Status => "status",
            Self::Code => "code",
            Self::Class => "class",
            Self::Blame => "blame",
            Self::Policy => "policy",
            Self::Hook => "hook",
            Self::Verdict => "verdict",
        }
    }

    pub(super) fn parse(key: &'static str, word: &str) -> Result<Self, QueryFault> {
        let found = Self::ALL.into_iter().find(|dimension| dimension.name() == word);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name);
            let advice = match nearest(word, names) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", names.join(", ")),
            };
            QueryFault::new(key, format!("nothing is counted by {word:?}"), advice)
        })
    }

    /// The axes it is on.
    pub(super) fn axes(self) -> &'static [Axis] {
        match self {
            Self::Api | Self::Version | Self::Blame => &Axis::ALL,
            Self::Status | Self::Code | Self::Class => &[Axis::Operation, Axis::Consumer],
            Self::Operation => &[Axis::Operation],
            Self::Consumer | Self::Application => &[Axis::Consumer],
            Self::Policy | Self::Hook | Self::Verdict => &[Axis::Policy],
        }
    }

    /// What it is of, where its names are those of something else too.
    pub(super) fn parent(self) -> Option<Self> {
        match self {
            Self::Version | Self::Operation => Some(Self::Api),
            Self::Application => Some(Self::Consumer),
            _ => None,
        }
    }

    /// What a series has of it, as it is shown: with what it is of, as in `petstore/getPet`.
    pub(super) fn of(self, series: &Series) -> String {
        let within = |parent: &Name, name: &Name| match parent {
            // Of those that are too many it is not known what each is of.
            Some(parent) if name.as_deref() != Some(OTHER) => format!("{parent}/{}", shown(name)),
            _ => shown(name),
        };
        match self {
            Self::Api => shown(&series.api),
            Self::Version => within(&series.api, &series.version),
            Self::Operation => within(&series.api, &series.operation),
            Self::Consumer => shown(&series.consumer),
            Self::Application => within(&series.consumer, &series.application),
            Self::Status => series.status.map_or_else(|| NONE.to_owned(), |status| format!("{}xx", status / 100)),
            Self::Code => series.status.map_or_else(|| NONE.to_owned(), |status| status.to_string()),
            Self::Class | Self::Verdict => series.class.to_string(),
            Self::Policy => shown(&series.policy),
            Self::Hook => series.hook.to_string(),
            Self::Blame => series.outcome.name().to_owned(),
        }
    }
}

fn shown(name: &Name) -> String {
    name.as_deref().unwrap_or(NONE).to_owned()
}
