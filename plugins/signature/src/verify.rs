//! Verifying the signatures of a message (RFC 9421 section 3.2): one that is right in every way admits it.

use crate::algorithm::Algorithm;
use crate::base::Base;
use crate::component::Component;
use crate::config::{Text, Verify};
use crate::message::{Message, NotAvailable};
use crate::parameters::Stated;
use crate::refusal::Refusal;
use crate::structured;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use lockgate_sdk::crypto::{self, HashAlgorithm, VerifyError};
use lockgate_sdk::{Head, clock, store};
use sfv::{Dictionary, InnerList, ListEntry};

/// The fields of a message that hold its signatures.
pub(crate) const SIGNATURE: &str = "signature";
pub(crate) const SIGNATURE_INPUT: &str = "signature-input";

/// Longest field read, all lines of it, in bytes.
const MAX_FIELD: usize = 8 * 1024;
/// Most signatures of one message.
const MAX_SIGNATURES: usize = 8;
/// Most components of one signature.
const MAX_COMPONENTS: usize = 64;

const MISSING: Refusal = Refusal::NotAccepted("signature_missing", "a signature is required");
const MALFORMED: Refusal = Refusal::Malformed("signature_malformed", "the field of the signatures is malformed");
const MALFORMED_INPUT: Refusal =
    Refusal::Malformed("signature_input_malformed", "the field that says what signatures cover is malformed");
const TOO_LONG: Refusal = Refusal::Malformed("signature_too_long", "the signatures are too many or too long");
const NOT_COVERED: Refusal =
    Refusal::NotAccepted("component_not_covered", "the signature does not cover all that it has to");
const NOT_ACCEPTED: Refusal =
    Refusal::NotAccepted("component_not_accepted", "the signature covers what is not looked at here");
const NOT_AVAILABLE: Refusal =
    Refusal::NotAccepted("component_not_available", "the signature covers what the message does not have");
const KEY_UNKNOWN: Refusal = Refusal::NotAccepted("key_unknown", "the key of the signature is not known");
const INVALID: Refusal = Refusal::NotAccepted("signature_invalid", "the signature cannot be verified");

/// What is known of a message whose signature has been verified.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verified {
    pub(crate) label: String,
    /// Of the key that is right, if it has one.
    pub(crate) key_id: Option<String>,
    /// Whose key it is, where the operator says so.
    pub(crate) consumer: Option<String>,
    /// Whether the digest of the body is covered.
    pub(crate) covers_digest: bool,
}

/// Find a signature of the message that is accepted. If none is, the first of those that were meant says why.
pub(crate) fn verify(config: &Verify, message: &Message<'_>) -> Result<Verified, Refusal> {
    let inputs = dictionary(message.head, SIGNATURE_INPUT, MALFORMED_INPUT)?;
    let signatures = dictionary(message.head, SIGNATURE, MALFORMED)?;
    let (inputs, signatures) = match (inputs, signatures) {
        (None, None) => return Err(MISSING),
        (inputs, signatures) => (inputs.ok_or(MALFORMED_INPUT)?, signatures.ok_or(MALFORMED)?),
    };
    if inputs.len() != signatures.len() || !inputs.keys().all(|label| signatures.contains_key(label)) {
        return Err(MALFORMED);
    }
    let mut first = None;
    for (label, input) in &inputs {
        // What others have signed may be anything.
        if config.label.as_ref().is_some_and(|meant| meant.as_str() != label.as_str()) {
            continue;
        }
        let signature = Signature::read(label.as_str(), input, signatures.get(label))?;
        if !signature.is_meant(config) {
            continue;
        }
        match signature.verify(config, message) {
            Ok(verified) => return Ok(verified),
            Err(refusal @ (Refusal::Unavailable | Refusal::Internal)) => return Err(refusal),
            Err(refusal) => {
                first.get_or_insert(refusal);
            }
        }
    }
    Err(first.unwrap_or(MISSING))
}

fn dictionary(head: &Head<'_>, name: &str, malformed: Refusal) -> Result<Option<Dictionary>, Refusal> {
    let Some(value) = structured::combined(head, name) else { return Ok(None) };
    if value.len() > MAX_FIELD {
        return Err(TOO_LONG);
    }
    let dictionary = structured::unique_dictionary(&value).ok_or(malformed)?;
    if dictionary.len() > MAX_SIGNATURES {
        return Err(TOO_LONG);
    }
    Ok((!dictionary.is_empty()).then_some(dictionary))
}

/// One signature, as it is stated.
struct Signature<'a> {
    label: &'a str,
    covered: &'a InnerList,
    /// What it covers and says of itself, in its one form.
    parameters: String,
    stated: Stated<'a>,
    bytes: &'a [u8],
}

impl<'a> Signature<'a> {
    fn read(label: &'a str, input: &'a ListEntry, signature: Option<&'a ListEntry>) -> Result<Self, Refusal> {
        let ListEntry::InnerList(covered) = input else { return Err(MALFORMED_INPUT) };
        if covered.items.len() > MAX_COMPONENTS {
            return Err(TOO_LONG);
        }
        let bytes = match signature {
            Some(ListEntry::Item(item)) => item.bare_item.as_byte_sequence().ok_or(MALFORMED)?,
            _ => return Err(MALFORMED),
        };
        let parameters = structured::member(input).ok_or(MALFORMED_INPUT)?;
        Ok(Self { label, covered, parameters, stated: Stated::read(&covered.params)?, bytes })
    }

    /// Whether it is one of those the operator speaks of, label aside.
    fn is_meant(&self, config: &Verify) -> bool {
        config.tag.as_ref().is_none_or(|tag| self.stated.tag == Some(tag.as_str()))
    }

    fn verify(&self, config: &Verify, message: &Message<'_>) -> Result<Verified, Refusal> {
        let now_ms = clock::unix_ms();
        let components = self.components(config)?;
        config.window().check(&self.stated, now_ms)?;
        self.check_nonce(config)?;
        let consumer = self.consumer(config)?;
        let base = self.base(&components, message)?;
        let is_named = self.check_bytes(config, base.as_bytes())?;
        // Only now: whoever cannot sign must not be able to use up the nonces of those who can.
        self.use_nonce(config, now_ms)?;
        Ok(Verified {
            label: self.label.to_owned(),
            key_id: self.stated.key_id.filter(|_| is_named).map(str::to_owned),
            consumer,
            covers_digest: components.iter().any(|component| component.is_digest()),
        })
    }

    /// What it covers: all that it has to, nothing that is not looked at, and nothing twice.
    fn components<'c>(&self, config: &'c Verify) -> Result<Vec<&'c Component>, Refusal> {
        let mut components: Vec<&Component> = Vec::with_capacity(self.covered.items.len());
        for item in &self.covered.items {
            if item.bare_item.as_string().is_none() {
                return Err(MALFORMED_INPUT);
            }
            let component = config.accepted().find(|known| known.is_named_by(item)).ok_or(NOT_ACCEPTED)?;
            if components.contains(&component) {
                return Err(MALFORMED_INPUT);
            }
            components.push(component);
        }
        if !config.components.iter().all(|required| components.contains(&required)) {
            return Err(NOT_COVERED);
        }
        Ok(components)
    }

    fn base(&self, components: &[&Component], message: &Message<'_>) -> Result<String, Refusal> {
        let mut base = Base::default();
        for (component, item) in components.iter().zip(&self.covered.items) {
            let identifier = sfv::FieldType::serialize(item);
            base.push(&identifier, component, message).map_err(|NotAvailable| NOT_AVAILABLE)?;
        }
        Ok(base.finish(&self.parameters))
    }

    /// Whether the key has the id that is stated. Every algorithm that is accepted is tried unless the signature names one: a key is bound to its own by the gateway.
    fn check_bytes(&self, config: &Verify, base: &[u8]) -> Result<bool, Refusal> {
        let is_named = |algorithm: &&Algorithm| self.stated.algorithm.is_none_or(|name| name == algorithm.name());
        let mut refusal =
            Refusal::NotAccepted("algorithm_not_accepted", "the algorithm of the signature is not accepted");
        for algorithm in config.algorithms.iter().filter(is_named) {
            match self.check_with(config, *algorithm, base) {
                Ok(is_named) => return Ok(is_named),
                Err(VerifyError::Unavailable) => return Err(Refusal::Unavailable),
                Err(VerifyError::BadSignature) => refusal = INVALID,
                Err(VerifyError::UnknownKey) if refusal != INVALID => refusal = KEY_UNKNOWN,
                Err(VerifyError::UnknownKey | VerifyError::WrongAlgorithm) => {}
            }
        }
        Err(refusal)
    }

    /// A key that has no id is right for any, and so is nobody's: where consumers are told by ids it does not count.
    fn check_with(&self, config: &Verify, algorithm: Algorithm, base: &[u8]) -> Result<bool, VerifyError> {
        let (keys, algorithm) = (config.keys.as_str(), algorithm.of_keys());
        let any = |id| crypto::verify(keys, algorithm, id, base, self.bytes).map(|()| false);
        let Some(id) = self.stated.key_id else { return any(None) };
        match crypto::verify_by_id(keys, algorithm, id, base, self.bytes) {
            Err(VerifyError::UnknownKey) if config.consumers.is_none() => any(Some(id)),
            said => said.map(|()| true),
        }
    }

    /// Whose key it is. Where the operator names consumers, other keys are nobody's.
    fn consumer(&self, config: &Verify) -> Result<Option<String>, Refusal> {
        let Some(consumers) = &config.consumers else { return Ok(None) };
        let found = self.stated.key_id.and_then(|id| consumers.get(id));
        found.map(|consumer| Some(consumer.as_str().to_owned())).ok_or(KEY_UNKNOWN)
    }

    fn check_nonce(&self, config: &Verify) -> Result<(), Refusal> {
        if config.nonces.is_some() && !config.allow_no_nonce && self.stated.nonce.is_none() {
            return Err(Refusal::NotAccepted("nonce_missing", "the signature has no nonce"));
        }
        Ok(())
    }

    /// A nonce is good once, by one key and for as long as the signature is.
    fn use_nonce(&self, config: &Verify, now_ms: u64) -> Result<(), Refusal> {
        let (Some(store), Some(nonce)) = (&config.nonces, self.stated.nonce) else { return Ok(()) };
        let created = self.stated.created.ok_or(Refusal::Internal)?;
        let key_id = self.stated.key_id.unwrap_or_default();
        let whole = format!("{}:{key_id}{nonce}", key_id.len());
        let key = URL_SAFE_NO_PAD.encode(crypto::hash(HashAlgorithm::Sha256, whole.as_bytes()));
        match store::add(store.as_str(), &key, 1, Some(config.window().rest_ms(created, now_ms))) {
            Ok(1) => Ok(()),
            Ok(_) => Err(Refusal::NotAccepted("nonce_replayed", "the nonce of the signature has been used")),
            Err(store::Error::Unavailable) => Err(Refusal::Unavailable),
            Err(_) => Err(Refusal::Internal),
        }
    }
}

/// What `Accept-Signature` asks for (RFC 9421 section 5.1).
pub(crate) fn wanted(config: &Verify) -> String {
    let label = config.label.clone().unwrap_or_default();
    let components: Vec<_> = config.components.iter().map(Component::identifier).collect();
    let mut wanted = format!("{}=({})", label.as_str(), components.join(" "));
    if !config.window().allow_no_created {
        wanted.push_str(";created");
    }
    if let [algorithm] = config.algorithms[..] {
        wanted.push_str(&format!(";alg=\"{}\"", algorithm.name()));
    }
    if let Some(tag) = &config.tag {
        wanted.push_str(";tag=");
        wanted.push_str(&quoted(tag));
    }
    wanted
}

fn quoted(text: &Text) -> String {
    sfv::FieldType::serialize(&sfv::Item::new(text.item()))
}
