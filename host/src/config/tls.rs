//! Owns TLS as the operator declares it: certificates of listeners, and how upstreams are trusted.

use std::str::FromStr;

use super::fault::{At, Faults, Place};
use super::kinds::{Flag, Spelled, Spelling};
use super::material::{Material, MaterialRef, MaterialText, SecretName, declared, find_material};
use super::section::section;
use super::tree::Tree;
use crate::tls::MinVersion;

/// A certificate of a listener, and the terms of the connections it is shown on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ServerTls {
    pub certificate: Material,
    /// Name of a secret.
    pub key: String,
    pub min_version: MinVersion,
    /// Authorities clients need a certificate of, and whether they may do without.
    pub clients: Option<(Material, bool)>,
    pub place: Place,
}

/// How the gateway reaches upstreams by TLS.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ClientTls {
    pub verify: Verify,
    /// The gateway's own certificate, and the name of the secret with its key.
    pub identity: Option<(Material, String)>,
    pub min_version: MinVersion,
    pub place: Place,
}

/// Which servers are believed to be who they say.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verify {
    System,
    Authorities(Material),
    Anyone,
}

section! {
    /// A certificate, and the terms of the connections it is shown on. It is shown to clients that name a host it is
    /// for; the first of a listener also to those that name none or another. A request for a host with other terms gets
    /// 421.
    pub(super) struct RawServerTls = "[[listen.NAME.tls]]" {
        /// The certificate in PEM, its own first and those that lead to its authority after it.
        required certificate: MaterialText,
        /// Its private key in PEM.
        required key: SecretName,
        /// The oldest version of TLS that is spoken.
        default min_version: Spelling<MinVersion> = MinVersion::Tls12,
        /// Certificates of authorities in PEM: clients need a certificate by one of them.
        optional client_ca: MaterialText,
        /// Whether clients without a certificate may connect too. A certificate that is shown must be good in any case.
        default client_optional: Flag = false,
    }
}

section! {
    /// How APIs that name it with `tls = "NAME"` reach their upstreams.
    pub(super) struct RawClientTls = "[tls.NAME]" {
        /// Certificates of authorities in PEM that servers need a certificate of; when absent, those the operating
        /// system trusts.
        optional ca: MaterialText,
        /// The gateway's own certificate in PEM, for servers that ask for one.
        optional certificate: MaterialText,
        /// Its private key in PEM.
        optional key: SecretName,
        /// The oldest version of TLS that is spoken.
        default min_version: Spelling<MinVersion> = MinVersion::Tls12,
        /// Whether a server's certificate must be good and its own. Without, anybody on the way can read and change
        /// everything.
        default verify: Flag = true,
    }
}

impl FromStr for MinVersion {
    type Err = BadVersion;

    fn from_str(text: &str) -> Result<Self, BadVersion> {
        match text {
            "1.2" => Ok(Self::Tls12),
            "1.3" => Ok(Self::Tls13),
            _ => Err(BadVersion),
        }
    }
}

/// No version of TLS that can be chosen.
#[derive(Debug, thiserror::Error)]
#[error("it is neither \"1.2\" nor \"1.3\"")]
pub(crate) struct BadVersion;

impl std::fmt::Display for MinVersion {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Tls12 => "1.2",
            Self::Tls13 => "1.3",
        })
    }
}

impl Spelled for MinVersion {
    const SPELLING: &'static str = "\"1.2\" or \"1.3\"";
}

impl RawServerTls {
    pub(super) fn resolve(
        self,
        tree: &Tree,
        is_secret: impl Fn(&str) -> bool,
        faults: &mut Faults,
    ) -> Option<ServerTls> {
        if self.client_optional && self.client_ca.is_none() {
            let place = self.place.below("client_optional");
            faults.push(place.fault("has no meaning without `client_ca`", "name the authorities, or remove it"));
        }
        let mut find = |material| find_material(material, tree, &is_secret, faults);
        let certificate = self.certificate.map(&mut find);
        let authorities = self.client_ca.map(&mut find);
        let key = self.key.map(|key| declared(key, &is_secret, faults));
        let clients = match authorities {
            None => None,
            Some(authorities) => Some((authorities?, self.client_optional)),
        };
        Some(ServerTls {
            certificate: certificate??,
            key: key??,
            min_version: self.min_version,
            clients,
            place: self.place,
        })
    }
}

impl RawClientTls {
    pub(super) fn resolve(
        self,
        tree: &Tree,
        is_secret: impl Fn(&str) -> bool,
        faults: &mut Faults,
    ) -> Option<ClientTls> {
        if !self.verify && self.ca.is_some() {
            let place = self.place.below("verify");
            faults.push(place.fault("makes `ca` useless", "remove one of them; `ca` alone is safe"));
        }
        let verify = match self.ca {
            _ if !self.verify => Some(Verify::Anyone),
            None => Some(Verify::System),
            Some(ca) => find_material(ca, tree, &is_secret, faults).map(Verify::Authorities),
        };
        let identity = identity(self.certificate, self.key, &self.place, tree, &is_secret, faults);
        Some(ClientTls { verify: verify?, identity: identity?, min_version: self.min_version, place: self.place })
    }
}

/// None for what is faulty, none inside for what is not wanted.
fn identity(
    certificate: Option<At<MaterialRef>>,
    key: Option<At<String>>,
    place: &Place,
    tree: &Tree,
    is_secret: impl Fn(&str) -> bool,
    faults: &mut Faults,
) -> Option<Option<(Material, String)>> {
    let (certificate, key) = match (certificate, key) {
        (None, None) => return Some(None),
        (Some(certificate), Some(key)) => (certificate, key),
        (certificate, _) => {
            let missing = place.below(if certificate.is_some() { "key" } else { "certificate" });
            faults.push(missing.fault("is missing", "`certificate` and `key` belong together"));
            return None;
        }
    };
    let certificate = find_material(certificate, tree, &is_secret, faults);
    let key = declared(key, &is_secret, faults);
    Some(Some((certificate?, key?)))
}
