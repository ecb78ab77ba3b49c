//! `ListTools`: the tools that plans may use now.

use sortie_proto::v1;

use super::Front;

pub(super) fn list_tools(front: &Front) -> v1::ListToolsResponse {
    let catalogue = front.parts.catalogue.now();
    v1::ListToolsResponse { tools: catalogue.iter().map(|tool| tool.as_ref().into()).collect() }
}
