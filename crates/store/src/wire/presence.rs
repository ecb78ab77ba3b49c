//! Who is there, with what it offers.

use std::sync::Arc;

use prost::Message as _;
use sortie_engine::{QueueName, ToolSpec};
use sortie_proto::{BadField, store_v1, v1};

use super::{BadBytes, read};
use crate::notices::{Presence, Service};

/// A process that says that it is there.
pub(crate) fn encode(presence: &Presence) -> Vec<u8> {
    let message = store_v1::Presence {
        name: presence.name.clone(),
        service: service_to_wire(presence.service).into(),
        queues: presence.queues.iter().map(ToString::to_string).collect(),
        tools: presence.tools.iter().map(|tool| tool.as_ref().into()).collect(),
    };
    message.encode_to_vec()
}

/// The process that said so.
pub(crate) fn decode(bytes: &[u8]) -> Result<Presence, BadBytes> {
    read("a presence", bytes, from_wire)
}

fn from_wire(presence: store_v1::Presence) -> Result<Presence, BadField> {
    let tool = |tool: v1::Tool| ToolSpec::try_from(tool).map(Arc::new);
    Ok(Presence {
        name: presence.name,
        service: service_from_wire(presence.service)?,
        queues: presence.queues.iter().map(|queue| QueueName::new(queue)).collect(),
        tools: presence.tools.into_iter().map(tool).collect::<Result<_, _>>()?,
    })
}

fn service_to_wire(service: Service) -> store_v1::Service {
    match service {
        Service::Coordinator => store_v1::Service::Coordinator,
        Service::Worker => store_v1::Service::Worker,
    }
}

fn service_from_wire(service: i32) -> Result<Service, BadField> {
    match store_v1::Service::try_from(service) {
        Ok(store_v1::Service::Coordinator) => Ok(Service::Coordinator),
        Ok(store_v1::Service::Worker) => Ok(Service::Worker),
        Ok(store_v1::Service::Unspecified) => Err(BadField::new("service", "is not set")),
        Err(_) => Err(BadField::new("service", format!("has no value {service}"))),
    }
}
