//! Code generated from the contract, and the moves between its types and the SDK's; no author sees it.
#![allow(missing_debug_implementations, unsafe_code, unreachable_pub, unused_qualifications)]

/// The powers a policy may import; those it does not use are dropped by the linker.
pub mod imports {
    wit_bindgen::generate!({
        path: "../wit",
        world: "imports",
        ownership: Borrowing { duplicate_if_necessary: false },
    });
}

/// `lifecycle`, which every policy exports.
pub mod lifecycle {
    wit_bindgen::generate!({
        path: "../wit",
        world: "lifecycle-exports",
        pub_export_macro: true,
        export_macro_name: "export_lifecycle",
    });
    pub use exports::lockgate::policy::lifecycle::*;
}

/// `request-phase`, and the shapes of `types` for all hooks.
pub mod request {
    wit_bindgen::generate!({
        path: "../wit",
        world: "request-exports",
        pub_export_macro: true,
        export_macro_name: "export_request",
    });
    pub use exports::lockgate::policy::request_phase::Guest;
    pub use lockgate::policy::types;
}

/// `response-phase`.
pub mod response {
    wit_bindgen::generate!({
        path: "../wit",
        world: "response-exports",
        with: { "lockgate:policy/types@0.1.0": crate::bindings::request::lockgate::policy::types },
        pub_export_macro: true,
        export_macro_name: "export_response",
    });
    pub use exports::lockgate::policy::response_phase::Guest;
}

/// `body-phase`.
pub mod body {
    wit_bindgen::generate!({
        path: "../wit",
        world: "body-exports",
        with: { "lockgate:policy/types@0.1.0": crate::bindings::request::lockgate::policy::types },
        pub_export_macro: true,
        export_macro_name: "export_body",
    });
    pub use exports::lockgate::policy::body_phase::*;
}

/// `responder`.
pub mod responder {
    wit_bindgen::generate!({
        path: "../wit",
        world: "responder-exports",
        with: { "lockgate:policy/types@0.1.0": crate::bindings::request::lockgate::policy::types },
        pub_export_macro: true,
        export_macro_name: "export_responder",
    });
    pub use exports::lockgate::policy::responder::Guest;
}

/// `observer`.
pub mod observer {
    wit_bindgen::generate!({
        path: "../wit",
        world: "observer-exports",
        with: { "lockgate:policy/types@0.1.0": crate::bindings::request::lockgate::policy::types },
        pub_export_macro: true,
        export_macro_name: "export_observer",
    });
    pub use exports::lockgate::policy::observer::*;
}

/// The contract names each kind of verdict; here it is one.
macro_rules! verdict {
    ($verdict:ty, $edits:ty) => {
        impl From<crate::Verdict<$edits>> for $verdict {
            fn from(verdict: crate::Verdict<$edits>) -> Self {
                match verdict {
                    crate::Verdict::Pass => Self::Pass,
                    crate::Verdict::Edit(edits) => Self::Edit(edits.into()),
                    crate::Verdict::Respond(response) => Self::Respond(response.into()),
                    crate::Verdict::Fail(failure) => Self::Fail(failure.into()),
                }
            }
        }
    };
}

verdict!(request::types::Verdict, crate::Edits);
verdict!(body::BodyVerdict, crate::BodyEdits);
verdict!(body::ChunkVerdict, crate::ChunkEdits);

impl From<crate::Edits> for request::types::Edits {
    fn from(edits: crate::Edits) -> Self {
        Self { changes: edits.changes, target: edits.target, status: edits.status, state: edits.state }
    }
}

impl From<crate::Response> for request::types::Response {
    fn from(response: crate::Response) -> Self {
        Self { status: response.status, fields: response.fields, body: response.body }
    }
}

impl From<crate::Failure> for request::types::Failure {
    fn from(failure: crate::Failure) -> Self {
        match failure {
            crate::Failure::BadInput => Self::BadInput,
            crate::Failure::Dependency => Self::Dependency,
            crate::Failure::Internal => Self::Internal,
        }
    }
}

impl From<body::Direction> for crate::Direction {
    fn from(direction: body::Direction) -> Self {
        match direction {
            body::Direction::Request => Self::Request,
            body::Direction::Response => Self::Response,
        }
    }
}

impl From<crate::BodyEdits> for body::BodyEdits {
    fn from(edits: crate::BodyEdits) -> Self {
        Self { bytes: edits.bytes.into(), head: edits.head.map(Into::into) }
    }
}

impl From<crate::ChunkEdits> for body::ChunkEdits {
    fn from(edits: crate::ChunkEdits) -> Self {
        Self { bytes: edits.bytes.into(), state: edits.state, hold: edits.hold }
    }
}

impl From<crate::Change> for body::Change {
    fn from(change: crate::Change) -> Self {
        match change {
            crate::Change::Keep => Self::Keep,
            crate::Change::Splice(splices) => Self::Splice(splices.into()),
            crate::Change::Replace(bytes) => Self::Replace(bytes),
        }
    }
}

impl From<crate::Splices> for body::Splices {
    fn from(splices: crate::Splices) -> Self {
        let crate::Splices { pieces, inserted } = splices;
        let pieces = pieces.into_iter().map(|crate::body::Splice { offset, remove, insert }| body::Splice {
            offset,
            remove,
            insert,
        });
        Self { pieces: pieces.collect(), inserted }
    }
}

impl From<crate::ConfigError> for lifecycle::ConfigError {
    fn from(fault: crate::ConfigError) -> Self {
        Self { path: fault.path, message: fault.message }
    }
}

impl From<crate::Interest> for lifecycle::Interest {
    fn from(interest: crate::Interest) -> Self {
        let powers = interest.powers();
        let idle = |is_idle, hook| if is_idle { hook } else { lifecycle::HeadHooks::empty() };
        let idle = idle(interest.idle_on_request, lifecycle::HeadHooks::REQUEST)
            | idle(interest.idle_on_response, lifecycle::HeadHooks::RESPONSE);
        let [request_body, response_body] =
            [interest.request_body, interest.response_body].map(|body| body.map(Into::into));
        Self { powers, request_body, response_body, idle }
    }
}

impl From<crate::BodyInterest> for lifecycle::BodyInterest {
    fn from(body: crate::BodyInterest) -> Self {
        Self {
            mode: match body.mode {
                crate::BodyMode::Buffered => lifecycle::BodyMode::Buffered,
                crate::BodyMode::Chunked => lifecycle::BodyMode::Chunked,
            },
            access: match body.access {
                crate::BodyAccess::Inspect => lifecycle::BodyAccess::Inspect,
                crate::BodyAccess::Edit => lifecycle::BodyAccess::Edit,
            },
            max_bytes: body.max_bytes,
            max_piece: body.max_piece,
            content_types: body.content_types,
            other: match body.other {
                crate::OtherTypes::Pass => lifecycle::OtherTypes::Pass,
                crate::OtherTypes::Refuse => lifecycle::OtherTypes::Refuse,
            },
        }
    }
}
