//! Everything a policy will read, write and reach, declared when it is configured.

/// Builder for the whole of a policy's power. Effective is what is declared here and granted by the operator.
///
/// Field names may be `*` (all but `authorization`, `cookie`, `set-cookie` and `host`) or end in it: `x-consumer-*`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Interest {
    /// Request fields and facts read.
    pub request_read: Vec<String>,
    /// Request fields written.
    pub request_write: Vec<String>,
    /// Response fields and facts read.
    pub response_read: Vec<String>,
    /// Response fields written.
    pub response_write: Vec<String>,
    /// Attributes read, without `@`.
    pub attributes_read: Vec<String>,
    /// Attributes written, without `@`.
    pub attributes_write: Vec<String>,
    /// Columns of records read by `on_records`.
    pub records_read: Vec<String>,
    /// Columns of records written by `on_records`.
    pub records_write: Vec<String>,
    /// Whether the policy may answer instead of the upstream.
    pub may_respond: bool,
    /// Whether the policy may change path and query.
    pub may_set_target: bool,
    /// Whether the policy may change the status.
    pub may_set_status: bool,
    /// How request bodies are wanted, if at all.
    pub request_body: Option<BodyInterest>,
    /// How response bodies are wanted, if at all.
    pub response_body: Option<BodyInterest>,
    /// Whether `on_request` has nothing to do.
    pub idle_on_request: bool,
    /// Whether `on_response` has nothing to do.
    pub idle_on_response: bool,
    /// Key sets to verify with.
    pub keys: Vec<String>,
    /// Keys to sign with.
    pub signs: Vec<String>,
    /// Keys to seal with.
    pub seals: Vec<String>,
    /// Key-value stores.
    pub stores: Vec<StoreInterest>,
    /// Services for `egress`.
    pub egress: Vec<String>,
    /// Limiters.
    pub limiters: Vec<String>,
    /// Whether the policy asks whose key something is.
    pub consumers: bool,
}

impl Interest {
    /// No power at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// Read a request field or a fact (`:path`) in request hooks.
    pub fn request_read(mut self, name: impl Into<String>) -> Self {
        add(&mut self.request_read, field_name(name));
        self
    }

    /// Write a request field.
    pub fn request_write(mut self, name: impl Into<String>) -> Self {
        add(&mut self.request_write, field_name(name));
        self
    }

    /// Read a response field or a fact (`:status`) in response hooks.
    pub fn response_read(mut self, name: impl Into<String>) -> Self {
        add(&mut self.response_read, field_name(name));
        self
    }

    /// Write a response field.
    pub fn response_write(mut self, name: impl Into<String>) -> Self {
        add(&mut self.response_write, field_name(name));
        self
    }

    /// Read an attribute, named without `@`.
    pub fn attribute_read(mut self, name: impl Into<String>) -> Self {
        add(&mut self.attributes_read, name.into());
        self
    }

    /// Write an attribute, named without `@`.
    pub fn attribute_write(mut self, name: impl Into<String>) -> Self {
        add(&mut self.attributes_write, name.into());
        self
    }

    /// Read a column of [`Records`](crate::Records).
    pub fn record_read(mut self, name: impl Into<String>) -> Self {
        add(&mut self.records_read, name.into());
        self
    }

    /// Write a column of [`Records`](crate::Records).
    pub fn record_write(mut self, name: impl Into<String>) -> Self {
        add(&mut self.records_write, name.into());
        self
    }

    /// Answer instead of the upstream.
    pub fn may_respond(mut self) -> Self {
        self.may_respond = true;
        self
    }

    /// Change path and query of requests.
    pub fn may_set_target(mut self) -> Self {
        self.may_set_target = true;
        self
    }

    /// Change the status of responses.
    pub fn may_set_status(mut self) -> Self {
        self.may_set_status = true;
        self
    }

    /// See request bodies.
    pub fn request_body(mut self, body: BodyInterest) -> Self {
        self.request_body = Some(body);
        self
    }

    /// See response bodies.
    pub fn response_body(mut self, body: BodyInterest) -> Self {
        self.response_body = Some(body);
        self
    }

    /// Have no use for `on_request`, configured so: it is not called.
    pub fn idle_on_request(mut self) -> Self {
        self.idle_on_request = true;
        self
    }

    /// Have no use for `on_response`, configured so: it is not called.
    pub fn idle_on_response(mut self) -> Self {
        self.idle_on_response = true;
        self
    }

    /// Verify with a key set by [`crypto`](crate::crypto).
    pub fn key(mut self, name: impl Into<String>) -> Self {
        add(&mut self.keys, name.into());
        self
    }

    /// Sign with a key by [`crypto`](crate::crypto).
    pub fn sign(mut self, name: impl Into<String>) -> Self {
        add(&mut self.signs, name.into());
        self
    }

    /// Seal, and open what was sealed, with a key by [`crypto`](crate::crypto).
    pub fn seal(mut self, name: impl Into<String>) -> Self {
        add(&mut self.seals, name.into());
        self
    }

    /// Read a key-value store.
    pub fn store_read(self, name: impl Into<String>) -> Self {
        self.store(name.into(), false)
    }

    /// Read and write a key-value store.
    pub fn store_write(self, name: impl Into<String>) -> Self {
        self.store(name.into(), true)
    }

    /// Ask a service by [`egress`](crate::egress).
    pub fn egress(mut self, name: impl Into<String>) -> Self {
        add(&mut self.egress, name.into());
        self
    }

    /// Count in a [`limiter`](crate::limiter).
    pub fn limiter(mut self, name: impl Into<String>) -> Self {
        add(&mut self.limiters, name.into());
        self
    }

    /// Ask whose key something is, by [`consumers`](crate::consumers).
    pub fn consumers(mut self) -> Self {
        self.consumers = true;
        self
    }

    /// A word for each power, as the contract has them; those on bodies are apart.
    pub fn powers(&self) -> Vec<String> {
        let named =
            |kind: &str, names: &[String]| names.iter().map(|name| format!("{kind}:{name}")).collect::<Vec<_>>();
        let plain = [
            ("respond", self.may_respond),
            ("target", self.may_set_target),
            ("status", self.may_set_status),
            ("consumers", self.consumers),
        ];
        let store = |it: &StoreInterest| format!("store:{}:{}", it.name, if it.write { "write" } else { "read" });
        [
            named("request-read", &self.request_read),
            named("request-write", &self.request_write),
            named("response-read", &self.response_read),
            named("response-write", &self.response_write),
            named("attribute-read", &self.attributes_read),
            named("attribute-write", &self.attributes_write),
            named("record-read", &self.records_read),
            named("record-write", &self.records_write),
            plain.iter().filter(|(_, wanted)| *wanted).map(|(word, _)| (*word).to_owned()).collect(),
            named("key", &self.keys),
            named("sign", &self.signs),
            named("seal", &self.seals),
            self.stores.iter().map(store).collect(),
            named("egress", &self.egress),
            named("limiter", &self.limiters),
        ]
        .concat()
    }

    fn store(mut self, name: String, write: bool) -> Self {
        match self.stores.iter_mut().find(|store| store.name == name) {
            Some(store) => store.write |= write,
            None => self.stores.push(StoreInterest { name, write }),
        }
        self
    }
}

/// A key-value store a policy uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreInterest {
    /// The name the operator grants.
    pub name: String,
    /// Whether it is written as well as read.
    pub write: bool,
}

/// How the bodies of one direction are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct BodyInterest {
    /// Whole, or in pieces.
    pub mode: BodyMode,
    /// Whether bytes may change.
    pub access: BodyAccess,
    /// Most bytes of a body; in chunked mode 0 stands for no bound.
    pub max_bytes: u64,
    /// Most new bytes of a piece in chunked mode, from 1 KiB to 64 KiB.
    pub max_piece: u32,
    /// Media types without parameters: `application/json`, `text/*`, `*+json` or `*/*`.
    pub content_types: Vec<String>,
    /// What happens to bodies of other types.
    pub other: OtherTypes,
}

impl BodyInterest {
    /// Whole bodies of these media types, at most `max_bytes` long; longer ones and those of other types are refused.
    pub fn buffered<T: Into<String>>(max_bytes: u64, content_types: impl IntoIterator<Item = T>) -> Self {
        Self::new(BodyMode::Buffered, max_bytes, content_types)
    }

    /// Bodies of these media types in pieces, at most `max_bytes` in all (0 for no bound); those of other types are
    /// refused.
    pub fn chunked<T: Into<String>>(max_bytes: u64, content_types: impl IntoIterator<Item = T>) -> Self {
        Self::new(BodyMode::Chunked, max_bytes, content_types)
    }

    /// Change bytes as well as look at them.
    pub fn edit(mut self) -> Self {
        self.access = BodyAccess::Edit;
        self
    }

    /// Let bodies of other media types pass unseen, which a guard must not do.
    pub fn pass_other(mut self) -> Self {
        self.other = OtherTypes::Pass;
        self
    }

    /// Take at most so many new bytes at once, 1 KiB to 64 KiB: for what costs much by the byte.
    pub fn max_piece(mut self, bytes: u32) -> Self {
        self.max_piece = bytes;
        self
    }

    fn new<T: Into<String>>(mode: BodyMode, max_bytes: u64, content_types: impl IntoIterator<Item = T>) -> Self {
        let mut types: Vec<String> = content_types.into_iter().map(Into::into).collect();
        types.iter_mut().for_each(|name| name.make_ascii_lowercase());
        Self {
            mode,
            access: BodyAccess::Inspect,
            max_bytes,
            max_piece: LARGEST_PIECE,
            content_types: types,
            other: OtherTypes::Refuse,
        }
    }
}

/// Most bytes that the gateway gives at once.
const LARGEST_PIECE: u32 = 64 * 1024;

/// How a body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyMode {
    /// `on_body`, once, with the whole body.
    Buffered,
    /// `on_chunk`, as pieces arrive.
    Chunked,
}

/// Whether a body is only looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyAccess {
    /// Bytes are never changed.
    Inspect,
    /// Bytes may change.
    Edit,
}

/// What happens to a body whose media type the policy did not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherTypes {
    /// It passes without the hook being called.
    Pass,
    /// 415 for a request, 502 for a response.
    Refuse,
}

/// Header fields are named in lower case; facts keep theirs, since path parameters may hold capitals.
fn field_name(name: impl Into<String>) -> String {
    let mut name = name.into();
    if !name.starts_with(':') {
        name.make_ascii_lowercase();
    }
    name
}

fn add(names: &mut Vec<String>, name: String) {
    if !names.contains(&name) {
        names.push(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_names_are_lowered_facts_kept_and_repeats_dropped() {
        let interest = Interest::new().request_read("Origin").request_read("origin").request_read(":param.petId");
        assert_eq!(interest.request_read, ["origin", ":param.petId"]);
    }

    #[test]
    fn a_store_named_twice_is_one_store_with_the_wider_use() {
        let interest = Interest::new().store_write("quota").store_read("quota").store_read("seen");
        let uses: Vec<_> = interest.stores.iter().map(|store| (store.name.as_str(), store.write)).collect();
        assert_eq!(uses, [("quota", true), ("seen", false)]);
    }

    #[test]
    fn a_body_interest_inspects_and_refuses_other_types_unless_told_otherwise() {
        let body = BodyInterest::buffered(1024, ["Application/JSON"]);
        assert_eq!(body.content_types, ["application/json"]);
        assert_eq!((body.access, body.other), (BodyAccess::Inspect, OtherTypes::Refuse));
        let body = body.edit().pass_other();
        assert_eq!((body.access, body.other), (BodyAccess::Edit, OtherTypes::Pass));
    }
}
