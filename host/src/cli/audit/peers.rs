//! Owns what an audit looks at beside policies: services, upstreams and keys, and by what each is known.

use std::time::Duration;

use super::reach::{Access, Credential, Eject, Keys, Material, Service, Tls, Upstream};
use super::report::Use;
use crate::config::{self, AuthScheme, Config, KeySource, Made, PublishedAt, Target, Verify};
use crate::tls::MinVersion;

pub(super) fn services(config: &Config, uses: &[Use]) -> Vec<Service> {
    config.egress.iter().map(|(name, declared)| service(name, declared, config, uses)).collect()
}

fn service(name: &str, declared: &config::Egress, config: &Config, uses: &[Use]) -> Service {
    let terms = &declared.terms;
    let origin = &terms.endpoint.origin;
    let asks = |used: &&Use| used.services.iter().any(|service| service == name);
    Service {
        name: name.to_owned(),
        url: format!("{}{}", Target::Origin(origin.clone()), terms.endpoint.path),
        methods: terms.methods.iter().map(ToString::to_string).collect(),
        paths: terms.paths.iter().map(ToString::to_string).collect(),
        private_ips: terms.private_ips,
        tls: origin.tls.then(|| tls(declared.tls.as_deref(), None, config)),
        credentials: declared.credentials.iter().map(credential).collect(),
        timeout_ms: millis(terms.timeout),
        max_request: terms.max_request,
        max_response: terms.max_response,
        max_in_flight: terms.max_in_flight,
        max_remembered: terms.max_remembered,
        asked_by: uses.iter().filter(asks).map(|used| used.id.clone()).collect(),
    }
}

fn credential(credential: &config::Credential) -> Credential {
    let scheme = match credential.scheme {
        AuthScheme::Whole => None,
        AuthScheme::Bearer => Some("Bearer".to_owned()),
        AuthScheme::Basic => Some("Basic".to_owned()),
    };
    Credential { field: credential.field.to_string(), scheme, secret: credential.secret.clone() }
}

pub(super) fn upstreams(config: &Config) -> Vec<Upstream> {
    let of_api = |api: &config::Api| {
        let upstream = |(name, declared): (&String, &config::Upstream)| Upstream {
            name: format!("{}/{name}", api.name),
            targets: declared.targets.iter().map(|weighted| weighted.target.to_string()).collect(),
            tls: declared.tls.as_ref().map(|wanted| {
                let server_name = wanted.server_name.as_ref().map(ToString::to_string);
                tls(wanted.name.as_deref(), server_name, config)
            }),
            eject: Some(eject(&declared.eject)),
            access: declared.access.as_ref().and_then(|name| access(name, config)),
        };
        api.upstreams.iter().map(upstream).collect::<Vec<_>>()
    };
    config.apis.iter().flat_map(of_api).collect()
}

fn eject(declared: &config::Eject) -> Eject {
    Eject {
        failures: declared.failures,
        status: declared.status.clone(),
        first_ms: millis(declared.first),
        longest_ms: millis(declared.longest),
        share: declared.share,
    }
}

fn access(name: &str, config: &Config) -> Option<Access> {
    let declared = config.access.get(name)?;
    Some(Access {
        name: name.to_owned(),
        service: declared.service.clone(),
        path: declared.target.clone(),
        client_id: declared.client_id.clone(),
        scopes: declared.scopes.clone(),
        parameters: declared.parameters.clone(),
        to: declared.to.iter().map(ToString::to_string).collect(),
    })
}

/// What `[tls.NAME]` comes to, or what holds without.
fn tls(name: Option<&str>, server_name: Option<String>, config: &Config) -> Tls {
    let declared = name.and_then(|name| config.tls.get(name));
    let authorities = match declared.map(|declared| &declared.verify) {
        None | Some(Verify::System) => Some(Material { source: "the system".to_owned(), digest: None }),
        Some(Verify::Authorities(authorities)) => Some(material(authorities)),
        Some(Verify::Anyone) => None,
    };
    Tls {
        name: name.map(str::to_owned),
        authorities,
        server_name,
        certificate: declared.and_then(|it| it.identity.as_ref()).map(|(certificate, _)| material(certificate)),
        min_version: declared.map_or(MinVersion::Tls12, |declared| declared.min_version).to_string(),
    }
}

pub(super) fn keys(config: &Config) -> Vec<Keys> {
    let keys = config.keys.iter().map(|(name, declared)| {
        let (material, algorithm) = match &declared.source {
            KeySource::Jwks(it) => (material(it), None),
            KeySource::Pem { material: it, algorithm } => (material(it), Some(algorithm)),
            KeySource::Hmac { secret, algorithm } => (of_secret(secret), Some(algorithm)),
            // What is there today says nothing of tomorrow.
            KeySource::Published { services, at, .. } => {
                let at = match at {
                    PublishedAt::Target(target) => target,
                    PublishedAt::Issuer(issuer) => issuer,
                };
                (Material { source: format!("{at} by egress {}", services.join(", ")), digest: None }, None)
            }
            KeySource::Private { secret, algorithm } => (of_secret(secret), Some(algorithm)),
            KeySource::Sealing(secrets) => (of_secret(&secrets.join(", secret:")), None),
            // Made by each gateway for itself.
            KeySource::Generate(made) => {
                let algorithm = if let Made::Signing(algorithm) = made { Some(algorithm) } else { None };
                (Material { source: "generated".to_owned(), digest: None }, algorithm)
            }
        };
        Keys { name: name.clone(), material, algorithm: algorithm.map(ToString::to_string) }
    });
    keys.collect()
}

pub(super) fn material(material: &config::Material) -> Material {
    match material {
        config::Material::File(file) => Material {
            source: format!("file:{}", file.path.display()),
            digest: Some(file.content.digest().to_string()),
        },
        config::Material::Secret(name) => of_secret(name),
    }
}

/// Not even the digest of a secret is told: short ones could be guessed from it.
fn of_secret(name: &str) -> Material {
    Material { source: format!("secret:{name}"), digest: None }
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
