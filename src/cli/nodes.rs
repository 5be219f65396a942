//! `nodes`: the engines of a router.

use clap::Args;

use super::{
    ask::{ask, open},
    client::Request,
    connect::Connection,
    exit::{Exit, Failure},
    printer::Printer,
    table::table,
};
use crate::schema::service::{Node, Nodes};

/// Show the engines of the router, and whether each answers
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let client = open(&arguments.connection, printer)?;
    ask(&client, printer, Request::get(&["api", "v1", "nodes"]), |known: Nodes| lines(&known)).await
}

fn lines(known: &Nodes) -> Vec<String> {
    if known.nodes.is_empty() {
        return vec![
            "no nodes; the configuration of the router names them (`--engine NAME=ADDRESS`)".to_owned(),
        ];
    }
    let rows: Vec<[String; 6]> = known.nodes.iter().map(row).collect();
    table(["NAME", "STATUS", "VERSION", "CONTAINERS", "HOST", "ADDRESS"], &rows)
}

fn row(node: &Node) -> [String; 6] {
    let Node { name, address, host, version, fault, containers, .. } = node.clone();
    let status = fault.map_or_else(|| "answers".to_owned(), |fault| format!("lost: {fault}"));
    [name, status, version.unwrap_or_else(|| "-".to_owned()), containers.to_string(), host, address]
}
