//! The policy `petstore`: a small REST API of pets and orders, kept in a store, to try a gateway with and nothing else.

mod answer;
mod config;
mod input;
mod order;
mod pet;
mod resource;
mod shelf;
mod tag;

use answer::Stop;
use config::Config;
use input::Members;
use lockgate_sdk::export;
use lockgate_sdk::prelude::*;
use order::{Order, OrderDraft, Orders};
use pet::{Pet, PetDraft};
use resource::{PageQuery, Resource};
use serde::Serialize;
use shelf::Shelf;
use tag::EntityTag;

/// The API with its settings.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Petstore {
    config: Config,
}

impl Policy for Petstore {
    fn interest(&self) -> Interest {
        Interest::new()
            .request_read(":method")
            .request_read(":path")
            .request_read(":query")
            .request_read("content-type")
            .request_read("if-match")
            .request_read("if-none-match")
            .attribute_read("auth.sub")
            .store_write(self.config.store())
    }
}

impl Responder for Petstore {
    fn respond(&self, head: &Head<'_>, body: &[u8]) -> Result<Response, Failure> {
        match self.answer(head, body) {
            Ok(response) | Err(Stop::Answer(response)) => Ok(response),
            Err(Stop::Fail(failure)) => Err(failure),
        }
    }
}

impl Petstore {
    fn answer(&self, head: &Head<'_>, body: &[u8]) -> Result<Response, Stop> {
        let path = head.path().ok_or(Failure::Internal)?;
        let method = head.method().ok_or(Failure::Internal)?;
        let resource = Resource::parse(self.config.base(), path).ok_or_else(not_found)?;
        // The gateway cuts the body off the answer to HEAD.
        let method = if method == "HEAD" { "GET" } else { method };
        match (resource, method) {
            (Resource::Pets, "GET") => self.list_pets(head),
            (Resource::Pets, "POST") => self.create_pet(head, body),
            (Resource::Pet(id), "GET") => self.get_pet(id, head),
            (Resource::Pet(id), "PUT") => self.update_pet(id, head, body),
            (Resource::Pet(id), "DELETE") => self.delete_pet(id, head),
            (Resource::Orders, "GET") => self.list_orders(head),
            (Resource::Orders, "POST") => self.create_order(head, body),
            (Resource::Order(id), "GET") => self.get_order(id, head),
            (resource, _) => Err(not_allowed(resource).into()),
        }
    }

    fn list_pets(&self, head: &Head<'_>) -> Result<Response, Stop> {
        #[derive(Serialize)]
        struct Body {
            pets: Vec<Pet>,
        }
        let query = PageQuery::parse(head.query().unwrap_or_default())
            .map_err(|detail| Response::problem(400, "Unusable query", detail))?;
        let page = self.shelf().page(&query)?;
        let response = Response::json(200, &Body { pets: page.pets });
        Ok(match page.next {
            Some(after) => {
                let next = query.with_after(after);
                let link = format!("<{}/pets?{next}>; rel=\"next\"", self.config.base());
                response.field("link", link)
            }
            None => response,
        })
    }

    fn create_pet(&self, head: &Head<'_>, body: &[u8]) -> Result<Response, Stop> {
        let mut members = Members::parse(head, body)?;
        let draft = PetDraft::read(&mut members);
        let pet = self.shelf().create(members.finish(draft)?)?;
        let location = format!("{}/pets/{}", self.config.base(), pet.id);
        Ok(show(201, &pet.to_bytes()?).field("location", location))
    }

    fn get_pet(&self, id: u64, head: &Head<'_>) -> Result<Response, Stop> {
        let stored = self.shelf().find(id)?.ok_or_else(not_found)?;
        let tag = EntityTag::of(&stored);
        if !tag.admits_change(head) {
            return Err(precondition_failed().into());
        }
        if tag.is_known(head) {
            return Ok(Response::new(304).field("etag", tag.as_str()));
        }
        Ok(show(200, &stored))
    }

    fn update_pet(&self, id: u64, head: &Head<'_>, body: &[u8]) -> Result<Response, Stop> {
        self.check_change(id, head)?;
        let mut members = Members::parse(head, body)?;
        let draft = PetDraft::read_again(&mut members, id);
        let pet = Pet::new(id, members.finish(draft)?);
        if !self.shelf().replace(&pet)? {
            return Err(not_found().into());
        }
        Ok(show(200, &pet.to_bytes()?))
    }

    fn delete_pet(&self, id: u64, head: &Head<'_>) -> Result<Response, Stop> {
        self.check_change(id, head)?;
        match self.shelf().remove(id)? {
            true => Ok(Response::new(204)),
            false => Err(not_found().into()),
        }
    }

    fn list_orders(&self, head: &Head<'_>) -> Result<Response, Stop> {
        #[derive(Serialize)]
        struct Body {
            orders: Vec<Order>,
        }
        let orders = self.orders(head)?.newest()?;
        Ok(personal(Response::json(200, &Body { orders })))
    }

    fn create_order(&self, head: &Head<'_>, body: &[u8]) -> Result<Response, Stop> {
        let orders = self.orders(head)?;
        let mut members = Members::parse(head, body)?;
        let draft = OrderDraft::read(&mut members);
        if let Some(draft) = &draft
            && self.shelf().find(draft.pet_id)?.is_none()
        {
            members.complain("#/petId", "there is no such pet");
        }
        let order = orders.create(members.finish(draft)?)?;
        let location = format!("{}/orders/{}", self.config.base(), order.id);
        Ok(personal(Response::json(201, &order)).field("location", location))
    }

    fn get_order(&self, id: u64, head: &Head<'_>) -> Result<Response, Stop> {
        let order = self.orders(head)?.find(id)?.ok_or_else(not_found)?;
        Ok(personal(Response::json(200, &order)))
    }

    /// Whether there is a pet, and the one the client means (RFC 9110 section 13.1).
    fn check_change(&self, id: u64, head: &Head<'_>) -> Result<(), Stop> {
        let stored = self.shelf().find(id)?.ok_or_else(not_found)?;
        let tag = EntityTag::of(&stored);
        if tag.admits_change(head) && !tag.is_known(head) { Ok(()) } else { Err(precondition_failed().into()) }
    }

    fn shelf(&self) -> Shelf<'_> {
        Shelf::new(&self.config)
    }

    fn orders<'a>(&'a self, head: &Head<'a>) -> Result<Orders<'a>, Stop> {
        let detail = "Orders belong to callers; an authenticating policy must stand before.";
        let owner = head.attribute("auth.sub");
        let owner = owner.ok_or_else(|| Response::problem(403, "Unknown caller", detail))?;
        Ok(Orders::new(&self.config, owner))
    }
}

fn show(status: u16, pet: &[u8]) -> Response {
    Response::new(status).field("content-type", "application/json").field("etag", EntityTag::of(pet).as_str()).body(pet)
}

/// Answers for one caller must not be kept by shared caches.
fn personal(response: Response) -> Response {
    response.field("cache-control", "private, no-store")
}

fn not_found() -> Response {
    Response::problem(404, "Not found", "There is nothing here under this path.")
}

fn not_allowed(resource: Resource) -> Response {
    let allowed = resource.methods();
    let detail = format!("This resource has the methods {allowed}.");
    Response::problem(405, "Method not allowed", &detail).field("allow", allowed)
}

fn precondition_failed() -> Response {
    let detail = "The pet is not in the state the conditional fields describe; get it again.";
    Response::problem(412, "Precondition failed", detail)
}

export!(Petstore: Responder);
