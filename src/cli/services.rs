//! `services`: the containers of all deployments.

use clap::Args;

use super::{
    ask::{ask, open},
    client::Request,
    connect::Connection,
    exit::{Exit, Failure},
    printer::Printer,
    table::table,
};
use crate::schema::service::{RunningService, Services};

/// Characters of an id that tell containers apart, as Docker shows them.
const ID_SHOWN: usize = 12;

/// Show the containers of all deployments: image, status, URL, id, node and ports
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let client = open(&arguments.connection, printer)?;
    ask(&client, printer, Request::get(&["api", "v1", "services"]), |known: Services| lines(&known)).await
}

fn lines(known: &Services) -> Vec<String> {
    if known.services.is_empty() {
        return vec!["no services".to_owned()];
    }
    let rows: Vec<[String; 7]> = known.services.iter().map(row).collect();
    table(["NAME", "IMAGE", "STATUS", "URL", "ID", "NODE", "PORTS"], &rows)
}

fn row(service: &RunningService) -> [String; 7] {
    let RunningService { name, image, status, url, id, node, ports, .. } = service.clone();
    let id = id.map_or_else(|| "-".to_owned(), |id| id.chars().take(ID_SHOWN).collect());
    [name, image, status, url.unwrap_or_else(|| "-".to_owned()), id, node, ports.join(",")]
}
