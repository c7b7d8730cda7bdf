//! The access tokens of a generation. Those that did not change keep what was fetched.

use std::collections::BTreeMap;
use std::sync::Arc;

use form_urlencoded::Serializer;

use super::material::secret;
use crate::access::{Access, Settings};
use crate::config::{self, Config, ConfigFault};
use crate::egress::Egress;

/// By name of `[access.NAME]`; those that are missing are told of in `faults`.
pub(super) fn load(
    config: &Config,
    services: &BTreeMap<String, Arc<Egress>>,
    before: &BTreeMap<String, Arc<Access>>,
    faults: &mut Vec<ConfigFault>,
) -> BTreeMap<String, Arc<Access>> {
    let mut tokens = BTreeMap::new();
    for (name, declared) in &config.access {
        // Of a service that is missing there is a fault already.
        let Some(service) = services.get(&declared.service).cloned() else { continue };
        match form(config, declared) {
            Ok(form) => {
                let settings = Settings { name: name.clone(), service, target: declared.target.clone(), form };
                let known = before.get(name).filter(|known| known.is_of(&settings)).cloned();
                tokens.insert(name.clone(), known.unwrap_or_else(|| Arc::new(Access::new(settings))));
            }
            Err((reason, advice)) => faults.push(declared.place.fault(reason, advice)),
        }
    }
    tokens
}

/// What each upstream is shown, in their order.
pub(super) fn shown(config: &Config, tokens: &BTreeMap<String, Arc<Access>>) -> Vec<Option<Arc<Access>>> {
    let upstreams = config.apis.iter().flat_map(|api| api.upstreams.values());
    upstreams.map(|upstream| tokens.get(upstream.access.as_ref()?).cloned()).collect()
}

/// RFC 6749 section 4.4.2, and 2.3.1 where the client stands in the form.
fn form(config: &Config, declared: &config::Access) -> Result<String, (String, &'static str)> {
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials");
    if !declared.scopes.is_empty() {
        form.append_pair("scope", &declared.scopes.join(" "));
    }
    form.extend_pairs(&declared.parameters);
    if let Some(id) = &declared.client_id {
        form.append_pair("client_id", id);
    }
    if let Some(name) = &declared.client_secret {
        let value = String::from_utf8(secret(config, name)?)
            .map_err(|_| (format!("the secret `{name}` is no text"), "give the secret as the provider shows it"))?;
        form.append_pair("client_secret", &value);
    }
    Ok(form.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Tree;

    #[test]
    fn what_is_sent_is_a_form_that_is_never_shown() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        std::fs::write(&path, "hunter 2&x=y").unwrap();
        let text = format!(
            "[listen.a]\naddress = '127.0.0.1:1'\n[secret.s]\nfile = '{}'\n[egress.idp]\nurl = 'https://idp.example'\npaths = ['/token']\n\
             methods = ['POST']\n[access.pets]\negress = 'idp'\npath = '/token'\nclient_id = 'gate'\nclient_secret = 'secret:s'\n\
             scopes = ['pets:read', 'pets:write']\nparameters = {{ resource = 'urn:pets' }}\nto = ['https://pets.internal']\n",
            path.display()
        );
        let config = Config::parse(&Tree::from_files([("gateway.toml", text)])).unwrap();
        let form = form(&config, &config.access["pets"]).unwrap();
        assert_eq!(
            form,
            "grant_type=client_credentials&scope=pets%3Aread+pets%3Awrite&resource=urn%3Apets&client_id=gate&client_secret=hunter+2%26x%3Dy"
        );
    }
}
