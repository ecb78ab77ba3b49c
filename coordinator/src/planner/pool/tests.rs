//! Who gets a call, who is left alone, and that no call is bought twice. On paused time with planners
//! that can be switched off, and once over sockets.

use std::io;
use std::sync::Arc;
use std::sync::Mutex as StdMutex;
use std::sync::atomic::AtomicBool;

use futures_util::{StreamExt as _, stream};
use hyper_util::rt::TokioIo;
use sortie_proto::v1;
use sortie_proto::v1::planner_server::{Planner, PlannerServer};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tonic::transport::{Endpoint, Server, Uri};
use tonic::{Code, Request};

use super::*;

/// Far above what any of these calls needs.
const PATIENCE: Duration = Duration::from_secs(30);

/// A planner that tells its name, or that it has no time.
#[derive(Clone)]
struct Named {
    name: &'static str,
    is_busy: bool,
    calls: Arc<AtomicUsize>,
}

type Nothing<T> = stream::Empty<Result<T, Status>>;

#[tonic::async_trait]
impl Planner for Named {
    type MakePlanStream = Nothing<v1::MakePlanResponse>;
    type SynthesizeStream = Nothing<v1::SynthesizeResponse>;

    async fn make_plan(
        &self,
        _: Request<v1::MakePlanRequest>,
    ) -> Result<Response<Self::MakePlanStream>, Status> {
        Ok(Response::new(stream::empty()))
    }

    async fn synthesize(
        &self,
        _: Request<v1::SynthesizeRequest>,
    ) -> Result<Response<Self::SynthesizeStream>, Status> {
        Ok(Response::new(stream::empty()))
    }

    async fn describe_planner(
        &self,
        _: Request<v1::DescribePlannerRequest>,
    ) -> Result<Response<v1::DescribePlannerResponse>, Status> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if self.is_busy {
            return Err(Status::unavailable("no time"));
        }
        let planner = self.name.to_owned();
        Ok(Response::new(v1::DescribePlannerResponse { planner, synthesizer: String::new() }))
    }
}

/// Where a planner is, or is not.
struct Site {
    planner: Named,
    is_up: Arc<AtomicBool>,
    dials: Arc<AtomicUsize>,
    /// Ends the connections that there are.
    cut: Arc<StdMutex<CancellationToken>>,
}

impl Site {
    fn new(name: &'static str) -> Self {
        Self {
            planner: Named { name, is_busy: false, calls: Arc::default() },
            is_up: Arc::new(AtomicBool::new(true)),
            dials: Arc::default(),
            cut: Arc::default(),
        }
    }

    fn member(&self) -> (String, Channel) {
        let (planner, is_up) = (self.planner.clone(), self.is_up.clone());
        let (dials, cut) = (self.dials.clone(), self.cut.clone());
        let connector = tower::service_fn(move |_: Uri| {
            dials.fetch_add(1, Ordering::Relaxed);
            let cut = cut.lock().unwrap().clone();
            let connected = is_up.load(Ordering::Relaxed).then(|| serve(planner.clone(), cut));
            std::future::ready(connected.ok_or(io::Error::from(io::ErrorKind::ConnectionRefused)))
        });
        let endpoint = Endpoint::from_static("http://planner");
        (self.planner.name.to_owned(), endpoint.connect_with_connector_lazy(connector))
    }

    fn goes(&self) {
        self.is_up.store(false, Ordering::Relaxed);
        std::mem::take(&mut *self.cut.lock().unwrap()).cancel();
    }

    fn comes_back(&self) {
        self.is_up.store(true, Ordering::Relaxed);
    }

    fn calls(&self) -> usize {
        self.planner.calls.load(Ordering::Relaxed)
    }
}

fn serve(planner: Named, cut: CancellationToken) -> TokioIo<tokio::io::DuplexStream> {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let server = Server::builder().add_service(PlannerServer::new(planner));
    // Nobody else comes, and that is no end: a server without an end of the stream stays.
    let one = stream::iter([Ok::<_, io::Error>(theirs)]).chain(stream::pending());
    tokio::spawn(server.serve_with_incoming_shutdown(one, cut.cancelled_owned()));
    TokioIo::new(ours)
}

fn pool(sites: &[&Site]) -> Pool {
    Pool::new(sites.iter().map(|site| site.member()), PATIENCE)
}

async fn ask(pool: &Pool) -> Result<String, Status> {
    let asked = pool.send(|mut client| async move {
        client.describe_planner(v1::DescribePlannerRequest {}).await
    });
    Ok(asked.await?.planner)
}

#[tokio::test(start_paused = true)]
async fn planners_take_calls_in_turn() {
    let sites = [Site::new("a"), Site::new("b"), Site::new("c")];
    let pool = pool(&[&sites[0], &sites[1], &sites[2]]);
    for _ in 0..6 {
        ask(&pool).await.unwrap();
    }
    assert_eq!(sites.each_ref().map(Site::calls), [2, 2, 2]);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_gone_is_left_alone_and_has_its_share_when_it_is_back() {
    let (here, gone) = (Site::new("here"), Site::new("gone"));
    let pool = pool(&[&here, &gone]);
    for _ in 0..4 {
        ask(&pool).await.unwrap();
    }
    // Also the call that meets the end of the connection goes to the other one.
    gone.goes();
    let (calls, dials) = (gone.calls(), gone.dials.load(Ordering::Relaxed));
    for _ in 0..20 {
        assert_eq!(ask(&pool).await.unwrap(), "here");
    }
    assert_eq!(gone.calls(), calls);
    // The clock stands still, so from the first failure on it was on the bench.
    assert!(gone.dials.load(Ordering::Relaxed) <= dials + 1);
    gone.comes_back();
    tokio::time::advance(LONGEST_BENCH).await;
    for _ in 0..4 {
        ask(&pool).await.unwrap();
    }
    assert_eq!(gone.calls(), calls + 2);
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_until_somebody_can_be_reached_but_not_for_ever() {
    let (one, two) = (Site::new("one"), Site::new("two"));
    one.goes();
    two.goes();
    let pool = Arc::new(pool(&[&one, &two]));
    let begun = Instant::now();
    let status = ask(&pool).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(begun.elapsed() > PATIENCE - PAUSE * 2 && begun.elapsed() <= PATIENCE);
    let waiting = tokio::spawn({
        let pool = pool.clone();
        async move { ask(&pool).await }
    });
    sleep(PATIENCE / 2).await;
    two.comes_back();
    assert_eq!(waiting.await.unwrap().unwrap(), "two");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_refused_is_not_sent_to_another() {
    let mut sites = [Site::new("a"), Site::new("b")];
    for site in &mut sites {
        site.planner.is_busy = true;
    }
    let pool = pool(&[&sites[0], &sites[1]]);
    assert_eq!(ask(&pool).await.unwrap_err().message(), "no time");
    assert_eq!(sites[0].calls() + sites[1].calls(), 1);
}

/// Where nobody listens: the port was there a moment ago.
async fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn dialled(urls: [String; 2]) -> Pool {
    let member = |url: String| {
        let endpoint = Endpoint::from_shared(url.clone()).unwrap();
        (url, endpoint.connect_lazy())
    };
    Pool::new(urls.map(member), Duration::ZERO)
}

#[tokio::test]
async fn over_sockets_a_refused_connection_is_skipped() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let planner = Named { name: "here", is_busy: false, calls: Arc::default() };
    let incoming = tonic::transport::server::TcpIncoming::from(listener);
    let server = Server::builder().add_service(PlannerServer::new(planner));
    tokio::spawn(server.serve_with_incoming(incoming));
    let pool = dialled([closed_port().await, url]);
    for _ in 0..4 {
        assert_eq!(ask(&pool).await.unwrap(), "here");
    }
}

/// Reads frames of HTTP/2 until one begins a call, and hangs up.
async fn until_a_call_came(mut connection: TcpStream) {
    const PREFACE_BYTES: usize = 24;
    const HEADERS: u8 = 1;
    connection.read_exact(&mut [0; PREFACE_BYTES]).await.unwrap();
    loop {
        let mut head = [0; 9];
        connection.read_exact(&mut head).await.unwrap();
        if head[3] == HEADERS {
            return;
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        connection.read_exact(&mut vec![0; length as usize]).await.unwrap();
    }
}

#[tokio::test]
async fn over_sockets_a_call_that_may_have_left_is_not_sent_again() {
    let listeners = [
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
    ];
    let urls = listeners.each_ref().map(|one| format!("http://{}", one.local_addr().unwrap()));
    let accepted = Arc::new(AtomicUsize::new(0));
    for listener in listeners {
        let accepted = accepted.clone();
        tokio::spawn(async move {
            loop {
                let (connection, _) = listener.accept().await.unwrap();
                accepted.fetch_add(1, Ordering::Relaxed);
                until_a_call_came(connection).await;
            }
        });
    }
    let status = ask(&dialled(urls)).await.unwrap_err();
    assert!(!did_not_leave(&status), "{status:?}");
    assert_eq!(accepted.load(Ordering::Relaxed), 1);
}
