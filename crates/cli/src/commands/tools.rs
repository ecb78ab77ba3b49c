//! `sortie tools`: what plans may use.

use clap::Args;
use sortie_proto::v1;

use crate::app::App;
use crate::cluster::{Client, Cluster, unary};
use crate::error::Error;
use crate::exit::Exit;
use crate::json::{Object, verbatim};
use crate::render::{Last, table};
use crate::text::short;
use crate::view::plain_name;

/// Arguments of `tools`.
#[derive(Debug, Args)]
pub(crate) struct ToolsArgs {
    /// Print one JSON object a line, with the schemas
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) async fn execute(args: ToolsArgs, mut app: App) -> Result<Exit, Error> {
    let cluster = Cluster::open(&app.settings, &app.keys, app.add_tools).await?;
    let listed = list_tools(&cluster).await;
    cluster.close().await;
    let tools = listed?;
    if args.json {
        for tool in &tools {
            app.out.line(&tool_json(tool).line())?;
        }
        return Ok(Exit::Done);
    }
    let rows: Vec<_> = tools.iter().map(row).collect();
    app.out.line(&table(["TOOL", "EFFECT", "DESCRIPTION"], &rows, Last::Rows(app.out.width())))?;
    Ok(Exit::Done)
}

/// The tools that plans may use now.
pub(super) async fn list_tools(cluster: &Cluster) -> Result<Vec<v1::Tool>, Error> {
    let asked = async |mut client: Client| client.list_tools(unary(v1::ListToolsRequest {})).await;
    let response = cluster.ask(asked).await;
    let response = response.map_err(|status| cluster.error("list the tools", &status))?;
    Ok(response.into_inner().tools)
}

fn effect(tool: &v1::Tool) -> String {
    plain_name(tool.effect().as_str_name(), "EFFECT_")
}

fn row(tool: &v1::Tool) -> [String; 3] {
    [short(&tool.name, 64), effect(tool), short(&tool.description, 400)]
}

fn tool_json(tool: &v1::Tool) -> Object {
    let timeout = tool.timeout.map(|time| time.seconds * 1000 + i64::from(time.nanos / 1_000_000));
    Object::default()
        .put("name", &tool.name)
        .put("description", &tool.description)
        .put("effect", effect(tool))
        .put("queue", &tool.queue)
        .put("timeout_ms", timeout)
        .put("max_result_bytes", tool.max_result_bytes)
        .put("calls_model", tool.calls_model)
        .put("input_schema", verbatim(&tool.input_schema))
        .put("output_schema", verbatim(&tool.output_schema))
        .put("unchecked_keywords", &tool.unchecked_keywords)
}
