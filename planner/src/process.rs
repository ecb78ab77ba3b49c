//! The planner as a process: its settings, its port, its end.
//!
//! It keeps nothing, so any number of them do the same work. When it is told to end it takes no new
//! calls and lets those that are under way come to theirs: each has been paid for.

mod arguments;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use sortie_models::{BadPrompt, Models, Prompts, Role, configured};
use sortie_service::config::Settings;
use sortie_service::health::health;
use sortie_service::parts::Parts;
use sortie_service::process::{Fault, chain, run};
use sortie_service::serving::{HostError, Port, describe};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::service::PlannerService;

pub use arguments::PlannerArgs;

use arguments::Program;

/// What a planner does.
const ROLES: [Role; 2] = [Role::Planner, Role::Synthesizer];
/// The service by which it is known.
const NAME: &str = "sortie.v1.Planner";

/// How a planner is run.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Who plans and who answers; the built-in rules where there is none.
    pub models: Models,
    /// What models are told.
    pub prompts: Prompts,
    /// Whether clients may ask for the contract.
    pub reflection: bool,
    /// How long calls may go on after the end was asked for.
    pub grace: Duration,
}

/// Why there is no planner.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// One of the person's prompts cannot be used.
    #[error(transparent)]
    Prompt(#[from] BadPrompt),
    /// It cannot be offered.
    #[error(transparent)]
    Host(#[from] HostError),
}

impl From<ServeError> for Fault {
    fn from(error: ServeError) -> Self {
        match error {
            ServeError::Prompt(error) => Self::Refused(chain(&error)),
            ServeError::Host(error) => error.into(),
        }
    }
}

impl Config {
    /// What the settings and the keys of this process say.
    ///
    /// # Errors
    /// If models or prompts cannot be used.
    pub fn of(settings: &Settings) -> Result<Self, Fault> {
        Ok(Self {
            listen: settings.cluster.planner_listen.value,
            models: configured::connected(settings, &configured::keys(), &ROLES)?,
            prompts: configured::prompts(settings)?,
            reflection: settings.reflection.value,
            grace: settings.cluster.grace.value,
        })
    }
}

/// The program of the planner.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Program::parse();
    run(&arguments.common, arguments.planner.flags(), start)
}

/// Serves as the settings say, until `stop`.
///
/// # Errors
/// In words for whoever started it.
pub async fn start(settings: Settings, stop: CancellationToken) -> Result<(), Fault> {
    Ok(serve(Config::of(&settings)?, stop).await?)
}

/// Serves until `stop`.
///
/// # Errors
/// If it cannot begin, or something ends it early.
pub async fn serve(config: Config, stop: CancellationToken) -> Result<(), ServeError> {
    configured::tell(&config.models, &config.prompts, &ROLES);
    let planner = PlannerService::of(&config.models, &config.prompts)?;
    let port = Port::take(config.listen).await?.with_drain(config.grace);
    let (readiness, health) = health(&[NAME]).await;
    let mut routes = Routes::new(planner.into_server()).add_service(health);
    if config.reflection {
        routes = describe(routes, sortie_proto::DESCRIPTORS, &[NAME])?;
    }
    readiness.set(true).await;
    let until_told = async {
        stop.cancelled().await;
        readiness.set(false).await;
        Ok(())
    };
    port.serve_beside(routes.prepare(), &Parts::new(), until_told).await
}
