//! Owns `[privacy]` of gateway.toml and of an api.toml: what the law asks to be recorded and nobody can find out from files.

use super::kinds::{List, Text};
use super::section::section;

/// Who answers for the data that passes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Privacy {
    pub controller: Option<String>,
    pub contact: Option<String>,
    pub officer: Option<String>,
    pub representative: Option<String>,
}

/// What is done with the data of an API. Empty, or none, where nobody said so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ApiPrivacy {
    pub purposes: Vec<String>,
    pub legal_basis: Vec<String>,
    pub subjects: Vec<String>,
    pub recipients: Vec<String>,
    pub transfers: Vec<String>,
    pub retention: Option<String>,
}

section! {
    /// Who answers for the personal data that passes, as `lockgate privacy report` states it. The gateway does nothing
    /// else with it.
    pub(super) struct RawPrivacy = "[privacy]" {
        /// Name and address of who decides why and how data is processed.
        optional controller: Text,
        /// How the controller can be reached.
        optional contact: Text,
        /// The data protection officer, and how to reach them.
        optional officer: Text,
        /// The representative in the Union of a controller outside of it.
        optional representative: Text,
    }
}

section! {
    /// What the personal data of an API is for, as `lockgate privacy report` states it. The gateway does nothing else with
    /// it.
    pub(super) struct RawApiPrivacy = "[privacy] of an API" {
        /// What data is processed for.
        repeated purposes: List<Text>,
        /// What permits that, such as `contract, Art. 6(1)(b)`.
        repeated legal_basis: List<Text>,
        /// Whose data it is: customers, employees.
        repeated subjects: List<Text>,
        /// Who is given data besides those the gateway knows.
        repeated recipients: List<Text>,
        /// Countries outside the Union data goes to, and the safeguards for that; `none` where it does not.
        repeated transfers: List<Text>,
        /// When data is erased behind the gateway.
        optional retention: Text,
    }
}

impl RawPrivacy {
    pub(super) fn resolve(self) -> Privacy {
        let Self { controller, contact, officer, representative, .. } = self;
        Privacy { controller, contact, officer, representative }
    }
}

impl RawApiPrivacy {
    pub(super) fn resolve(self) -> ApiPrivacy {
        let Self { purposes, legal_basis, subjects, recipients, transfers, retention, .. } = self;
        ApiPrivacy { purposes, legal_basis, subjects, recipients, transfers, retention }
    }
}
