//! Follows a run to its end: what the watch brings goes into the view and onto the screen.

use sortie_proto::v1;

use crate::cluster::{Client, Cluster, unary};
use crate::error::Error;
use crate::exit::Exit;
use crate::render::Screen;
use crate::view::{Failure, View};
use crate::watch::{Next, Watch};

/// A run and everything that shows it. All state is here, so that following may be dropped (for
/// Ctrl-C) and taken up again.
pub(super) struct Follow<'a> {
    pub(super) watch: Watch<'a>,
    pub(super) view: View,
    pub(super) screen: Screen,
}

impl Follow<'_> {
    /// Until the run has ended. May be dropped and called again.
    pub(super) async fn until_end(&mut self) -> Result<(), Error> {
        loop {
            let next = tokio::select! {
                next = self.watch.next() => next?,
                () = self.screen.tick() => {
                    self.screen.redraw(&self.view);
                    continue;
                }
            };
            match next {
                Next::Item { item, cursor } => {
                    if self.view.apply(&item) {
                        self.screen.show(&self.view, &item, &cursor)?;
                    }
                }
                Next::Lost(reason) => {
                    self.screen.note(&format!("connection lost ({reason}), reconnecting"));
                }
                Next::End => return Ok(()),
            }
        }
    }

    /// The run can no longer be followed: shows it as far as it is known, and why.
    pub(super) fn give_up(&mut self, error: &Error) -> Exit {
        let message = error.to_string();
        self.screen.note(&format!("error: {message}"));
        if matches!(error, Error::Unreachable { .. }) {
            let run_id = &self.view.run_id;
            let hint = format!("run {run_id} may go on; look again with `sortie watch {run_id}`");
            self.screen.note(&hint);
        }
        let kind = error.kind().as_str().to_owned();
        self.view.failure = Some(Failure { kind, message });
        // If stdout is gone as well, the exit code still says what happened.
        self.screen.finish(&self.view).ok();
        error.exit()
    }
}

/// The run as the cluster knows it now.
pub(super) async fn get_run(cluster: &Cluster, run_id: &str) -> Result<v1::Run, Error> {
    let request = v1::GetRunRequest { run_id: run_id.to_owned() };
    let action = format!("get run {run_id}");
    let asked = async |mut client: Client| client.get_run(unary(request.clone())).await;
    let response = cluster.ask(asked).await.map_err(|status| cluster.error(&action, &status))?;
    let missing = || cluster.error(&action, &tonic::Status::internal("the answer holds no run"));
    response.into_inner().run.ok_or_else(missing)
}
