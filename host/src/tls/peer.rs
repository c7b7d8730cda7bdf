//! What the certificate of a client says, for policies.

use std::ops::RangeInclusive;
use std::rc::Rc;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// Names beyond these are not told.
const MOST_NAMES: usize = 64;

/// The certificate a client proved to hold, and that an authority of ours has signed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ClientCertificate {
    /// SHA-256 of the certificate in base64url, as in `x5t#S256` (RFC 8705 section 3.1).
    pub(crate) thumbprint: String,
    /// The subject as RFC 4514 writes it; empty where it has none.
    pub(crate) subject: String,
    /// Alternative names: `dns:`, `uri:`, `email:` or `ip:` and the name.
    pub(crate) names: Vec<String>,
}

impl ClientCertificate {
    pub(super) fn read(der: &[u8]) -> Option<Rc<Self>> {
        let certificate = Certificate::from_der(der).ok()?;
        Some(Rc::new(Self {
            thumbprint: URL_SAFE_NO_PAD.encode(Sha256::digest(der)),
            subject: certificate.tbs_certificate.subject.to_string(),
            names: alternative_names(&certificate).iter().take(MOST_NAMES).filter_map(spelled).collect(),
        }))
    }
}

/// The host names a certificate is for, in lower case; also `*.` and a name.
pub(super) fn host_names(der: &[u8]) -> Option<Vec<String>> {
    let certificate = Certificate::from_der(der).ok()?;
    let names = alternative_names(&certificate);
    let hosts = names.iter().filter_map(|name| match name {
        GeneralName::DnsName(name) => Some(name.as_str().to_ascii_lowercase()),
        _ => None,
    });
    Some(hosts.collect())
}

/// From when and until when a certificate is good.
pub(super) fn validity(der: &[u8]) -> Option<RangeInclusive<SystemTime>> {
    let validity = Certificate::from_der(der).ok()?.tbs_certificate.validity;
    Some(validity.not_before.to_system_time()..=validity.not_after.to_system_time())
}

fn alternative_names(certificate: &Certificate) -> Vec<GeneralName> {
    match certificate.tbs_certificate.get::<SubjectAltName>() {
        Ok(Some((_, SubjectAltName(names)))) => names,
        _ => Vec::new(),
    }
}

fn spelled(name: &GeneralName) -> Option<String> {
    Some(match name {
        GeneralName::DnsName(name) => format!("dns:{}", name.as_str().to_ascii_lowercase()),
        GeneralName::UniformResourceIdentifier(uri) => format!("uri:{}", uri.as_str()),
        GeneralName::Rfc822Name(address) => format!("email:{}", address.as_str()),
        GeneralName::IpAddress(address) => match address.as_bytes() {
            &[a, b, c, d] => format!("ip:{}", std::net::Ipv4Addr::new(a, b, c, d)),
            bytes => format!("ip:{}", std::net::Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)),
        },
        _ => return None,
    })
}
