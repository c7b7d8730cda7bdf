//! The pages of the admin listener: where they are, how they are asked for, and by whom.

/// One page.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Page {
    Overview,
    Request,
    Report,
    Samples,
    Link,
    Login,
    Logout,
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

/// Whom a page is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Whoever asks.
    Open,
    /// A browser that was let in, or whoever has the token.
    Session,
    Token,
}

impl Page {
    const ALL: [Self; 22] = [
        Self::Overview,
        Self::Request,
        Self::Report,
        Self::Samples,
        Self::Link,
        Self::Login,
        Self::Logout,
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
            Self::Overview => "/",
            Self::Request => "/request",
            Self::Report => "/report",
            Self::Samples => "/samples",
            Self::Link => "/login-link",
            Self::Login => "/login",
            Self::Logout => "/logout",
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
            Self::Overview | Self::Request | Self::Report | Self::Samples => "GET, HEAD",
            // To look at a link is to use it.
            Self::Login => "GET",
            Self::Consumers => "GET, HEAD, POST",
            Self::Link | Self::Logout | Self::Reload | Self::Announce | Self::Promote | Self::Abort => "POST",
        }
    }

    pub(super) fn allows(self, method: &str) -> bool {
        self.methods().split(", ").any(|allowed| allowed == method)
    }

    pub(super) fn access(self) -> Access {
        match self {
            Self::Health | Self::Readiness | Self::Login => Access::Open,
            Self::Overview | Self::Request | Self::Report | Self::Samples | Self::Logout => Access::Session,
            _ => Access::Token,
        }
    }

    /// Whether it is for people.
    pub(super) fn is_html(self) -> bool {
        matches!(self, Self::Overview | Self::Request | Self::Logout)
    }

    /// For whoever asked for another.
    pub(super) fn list() -> String {
        let paths: Vec<_> = Self::ALL.into_iter().map(Self::path).collect();
        format!("There is {}.\n", paths.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_opens_what_is_read_and_changes_nothing_but_that_it_ends() {
        let is_opened = |page: &Page| page.access() == Access::Session && *page != Page::Logout;
        let opened: Vec<_> = Page::ALL.into_iter().filter(is_opened).collect();
        assert_eq!(opened.iter().map(|page| page.path()).collect::<Vec<_>>(), ["/", "/request", "/report", "/samples"]);
        assert!(opened.iter().all(|page| page.methods() == "GET, HEAD"));
    }
}
