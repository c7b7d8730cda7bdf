//! `export!` and the code behind it: exactly the exports a policy has, and the one place where its configured value lives.

/// Export a policy with its phases, one or more of [`RequestPhase`](crate::RequestPhase),
/// [`ResponsePhase`](crate::ResponsePhase),
/// [`BodyPhase`](crate::BodyPhase), [`Responder`](crate::Responder) and [`Observer`](crate::Observer), joined by `+`: `export!(Greet: RequestPhase +
/// ResponsePhase)`.
///
/// Write it once per crate, whose `crate-type` is `["cdylib", "rlib"]`. Natively it only checks that the traits are
/// there.
#[macro_export]
macro_rules! export {
    ($policy:ty: $first:ident $(+ $more:ident)*) => {
        const _: () = {
            fn has_every_trait<P: $crate::$first $(+ $crate::$more)*>() {}
            let _ = has_every_trait::<$policy>;
        };

        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code)]
        const _: () = {
            ::std::thread_local! {
                static POLICY: $crate::export::Slot<$policy> = const { $crate::export::Slot::new() };
            }
            struct Component;
            $crate::__export_lifecycle!(Component);
            $crate::__export_phase!(Component: $first);
            $($crate::__export_phase!(Component: $more);)*
        };
    };
    ($policy:ty: $first:ident $(, $more:ident)+ $(,)?) => {
        ::std::compile_error!("phases are joined by `+`: export!(Guard: RequestPhase + ResponsePhase)");
    };
}

/// The `lifecycle` export of a component.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_lifecycle {
    ($component:ident) => {
        impl $crate::bindings::lifecycle::Guest for $component {
            fn configure(
                config_json: ::std::vec::Vec<u8>,
            ) -> ::std::result::Result<
                $crate::bindings::lifecycle::Interest,
                ::std::vec::Vec<$crate::bindings::lifecycle::ConfigError>,
            > {
                POLICY.with(|slot| $crate::export::configure(slot, &config_json))
            }
        }
        $crate::bindings::lifecycle::export_lifecycle!($component with_types_in $crate::bindings::lifecycle);
    };
}

/// One hook export of a component.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_phase {
    ($component:ident: RequestPhase) => {
        impl $crate::bindings::request::Guest for $component {
            fn on_request(head: ::std::vec::Vec<u8>) -> $crate::bindings::request::types::Verdict {
                POLICY.with(|slot| $crate::export::on_request(slot, &head))
            }
        }
        $crate::bindings::request::export_request!($component with_types_in $crate::bindings::request);
    };
    ($component:ident: ResponsePhase) => {
        impl $crate::bindings::response::Guest for $component {
            fn on_response(
                head: ::std::vec::Vec<u8>,
                state: ::std::option::Option<::std::vec::Vec<u8>>,
            ) -> $crate::bindings::request::types::Verdict {
                POLICY.with(|slot| $crate::export::on_response(slot, &head, state.as_deref().unwrap_or_default()))
            }
        }
        $crate::bindings::response::export_response!($component with_types_in $crate::bindings::response);
    };
    ($component:ident: BodyPhase) => {
        impl $crate::bindings::body::Guest for $component {
            fn on_body(
                direction: $crate::bindings::body::Direction,
                body: ::std::vec::Vec<u8>,
                state: ::std::option::Option<::std::vec::Vec<u8>>,
            ) -> $crate::bindings::body::BodyVerdict {
                POLICY.with(|slot| $crate::export::on_body(slot, direction, &body, state.as_deref().unwrap_or_default()))
            }

            fn on_chunk(
                direction: $crate::bindings::body::Direction,
                chunk: ::std::vec::Vec<u8>,
                last: bool,
                state: ::std::option::Option<::std::vec::Vec<u8>>,
            ) -> $crate::bindings::body::ChunkVerdict {
                POLICY.with(|slot| {
                    $crate::export::on_chunk(slot, direction, &chunk, last, state.as_deref().unwrap_or_default())
                })
            }
        }
        $crate::bindings::body::export_body!($component with_types_in $crate::bindings::body);
    };
    ($component:ident: Responder) => {
        impl $crate::bindings::responder::Guest for $component {
            fn respond(
                head: ::std::vec::Vec<u8>,
                body: ::std::vec::Vec<u8>,
            ) -> ::std::result::Result<
                $crate::bindings::request::types::Response,
                $crate::bindings::request::types::Failure,
            > {
                POLICY.with(|slot| $crate::export::respond(slot, &head, &body))
            }
        }
        $crate::bindings::responder::export_responder!($component with_types_in $crate::bindings::responder);
    };
    ($component:ident: Observer) => {
        impl $crate::bindings::observer::Guest for $component {
            fn on_records(
                count: u32,
                columns: ::std::vec::Vec<$crate::bindings::observer::Column>,
            ) -> ::std::result::Result<
                ::std::vec::Vec<$crate::bindings::observer::Column>,
                $crate::bindings::request::types::Failure,
            > {
                POLICY.with(|slot| $crate::export::on_records(slot, count, columns))
            }
        }
        $crate::bindings::observer::export_observer!($component with_types_in $crate::bindings::observer);
    };
    ($component:ident: $other:ident) => {
        ::std::compile_error!(::std::concat!(
            "`", ::std::stringify!($other),
            "` is no phase; write RequestPhase, ResponsePhase, BodyPhase, Responder or Observer"
        ));
    };
}

#[cfg(target_family = "wasm")]
pub use guest::*;

/// What the generated exports call. A hook that is called before `configure` succeeded fails as `internal`.
#[cfg(target_family = "wasm")]
mod guest {
    use crate::bindings::{body, lifecycle, observer, request::types};
    use crate::{
        BodyPhase, ConfigError, Failure, Head, Observer, Policy, Records, RequestPhase, Responder, ResponsePhase,
    };
    use std::cell::OnceCell;
    use std::panic::PanicHookInfo;

    /// Holds the configured policy of an instance, which has one thread.
    pub type Slot<P> = OnceCell<P>;

    pub fn configure<P: Policy>(
        slot: &Slot<P>,
        config_json: &[u8],
    ) -> Result<lifecycle::Interest, Vec<lifecycle::ConfigError>> {
        std::panic::set_hook(Box::new(|panic| tell(panic)));
        let faults = |faults: Vec<ConfigError>| faults.into_iter().map(Into::into).collect();
        let policy = crate::configure::configure::<P>(config_json).map_err(faults)?;
        let interest = policy.interest();
        match slot.set(policy) {
            Ok(()) => Ok(interest.into()),
            Err(_) => Err(faults(vec![ConfigError::new("", "the instance is configured already")])),
        }
    }

    /// Say in the log where a policy panicked, which the trap that follows does not. What is formatted into a message
    /// may be a client's and stays out.
    fn tell(panic: &PanicHookInfo<'_>) {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let message = panic.payload().downcast_ref::<&str>().copied().unwrap_or("see there");
        crate::log::error(&format!("panicked at {place}: {message}"));
    }

    pub fn on_request<P: RequestPhase>(slot: &Slot<P>, head: &[u8]) -> types::Verdict {
        match slot.get() {
            Some(policy) => policy.on_request(&Head::new(head)).into(),
            None => types::Verdict::Fail(types::Failure::Internal),
        }
    }

    pub fn on_response<P: ResponsePhase>(slot: &Slot<P>, head: &[u8], state: &[u8]) -> types::Verdict {
        match slot.get() {
            Some(policy) => policy.on_response(&Head::new(head), state).into(),
            None => types::Verdict::Fail(types::Failure::Internal),
        }
    }

    pub fn on_body<P: BodyPhase>(
        slot: &Slot<P>,
        direction: body::Direction,
        bytes: &[u8],
        state: &[u8],
    ) -> body::BodyVerdict {
        match slot.get() {
            Some(policy) => policy.on_body(direction.into(), bytes, state).into(),
            None => body::BodyVerdict::Fail(types::Failure::Internal),
        }
    }

    pub fn on_chunk<P: BodyPhase>(
        slot: &Slot<P>,
        direction: body::Direction,
        chunk: &[u8],
        last: bool,
        state: &[u8],
    ) -> body::ChunkVerdict {
        match slot.get() {
            Some(policy) => policy.on_chunk(direction.into(), chunk, last, state).into(),
            None => body::ChunkVerdict::Fail(types::Failure::Internal),
        }
    }

    pub fn respond<P: Responder>(slot: &Slot<P>, head: &[u8], body: &[u8]) -> Result<types::Response, types::Failure> {
        let policy = slot.get().ok_or(Failure::Internal)?;
        let response = policy.respond(&Head::new(head), body)?;
        Ok(response.into())
    }

    pub fn on_records<P: Observer>(
        slot: &Slot<P>,
        count: u32,
        columns: Vec<observer::Column>,
    ) -> Result<Vec<observer::Column>, types::Failure> {
        let policy = slot.get().ok_or(Failure::Internal)?;
        let mut records = Records::new(count, columns.into_iter().map(Into::into).collect());
        policy.on_records(&mut records)?;
        Ok(records.written().into_iter().map(Into::into).collect())
    }
}
