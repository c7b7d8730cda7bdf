//! The pages of the admin listener: where they are, how they are asked for, and by whom.

/// One page.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Page {
    Health,
    Readiness,
    Metrics,
    Status,
    History,
    Consumers,
    Applications,
    Keys,
    Rollouts,
    Tail,
    Alerts,
    Reload,
    Announce,
    Promote,
    Abort,
}

impl Page {
    const ALL: [Self; 15] = [
        Self::Health,
        Self::Readiness,
        Self::Metrics,
        Self::Status,
        Self::History,
        Self::Consumers,
        Self::Applications,
        Self::Keys,
        Self::Rollouts,
        Self::Tail,
        Self::Alerts,
        Self::Reload,
        Self::Announce,
        Self::Promote,
        Self::Abort,
    ];

    pub(super) fn at(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|page| page.path() == path)
    }

    fn path(self) -> &'static str {
        match self {
            Self::Health => "/healthz",
            Self::Readiness => "/readyz",
            Self::Metrics => "/metrics",
            Self::Status => "/status",
            Self::History => "/history",
            Self::Consumers => "/consumers",
            Self::Applications => "/applications",
            Self::Keys => "/keys",
            Self::Rollouts => "/rollouts",
            Self::Tail => "/tail",
            Self::Alerts => "/alerts",
            Self::Reload => "/reload",
            Self::Announce => "/announce",
            Self::Promote => "/rollouts/promote",
            Self::Abort => "/rollouts/abort",
        }
    }

    /// As the field Allow has them.
    pub(super) fn methods(self) -> &'static str {
        match self {
            Self::Health | Self::Readiness | Self::Metrics | Self::Status | Self::History | Self::Rollouts => {
                "GET, HEAD"
            }
            Self::Applications | Self::Keys | Self::Alerts => "GET, HEAD",
            Self::Tail => "GET",
            Self::Consumers => "GET, HEAD, POST",
            Self::Reload | Self::Announce | Self::Promote | Self::Abort => "POST",
        }
    }

    pub(super) fn allows(self, method: &str) -> bool {
        self.methods().split(", ").any(|allowed| allowed == method)
    }

    /// Whether it is for whoever asks, without the token.
    pub(super) fn is_open(self) -> bool {
        matches!(self, Self::Health | Self::Readiness)
    }

    /// For whoever asked for another.
    pub(super) fn list() -> String {
        let paths: Vec<_> = Self::ALL.into_iter().map(Self::path).collect();
        format!("There is {}.\n", paths.join(", "))
    }
}
