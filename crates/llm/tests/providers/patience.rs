//! How long is waited for what. Sockets do not go with a paused clock: the one limit that is to end
//! is short, all others are far away.

use sortie_llm::mock::{self, Reply, Server};

use super::*;

const SHORT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn silence_before_the_answer_ends() {
    for provider in Provider::ALL {
        let server = Server::start().await;
        server.reply(Reply::silence());
        server.reply(Reply::events(["\n"]).hang());
        let model = connect(hurried(provider, &server, |it| it.first = SHORT)).unwrap();
        for gone in 1..=2 {
            let error = ask(&*model).await.unwrap_err();
            let words = ["said nothing for 50ms", "model_timeouts.first"];
            assert_says(&error, ErrorKind::Timeout, &words);
            server.left(gone).await;
        }
    }
}

#[tokio::test]
async fn signs_of_life_do_not_lengthen_the_wait_for_the_first_word() {
    let server = Server::start().await;
    server.reply(Reply::events([": here\n\n".to_owned()]).hang());
    let hurried = hurried(Provider::OpenAi, &server, |it| it.first = SHORT);
    let pieces = connect(hurried).unwrap().stream(request()).await.unwrap();
    let error = fault_in(pieces).await;
    assert_says(&error, ErrorKind::Timeout, &["model_timeouts.first"]);
}

#[tokio::test]
async fn silence_in_the_middle_ends() {
    for provider in Provider::ALL {
        let server = Server::start().await;
        let begin = mock::begin(provider, TOKENS) + &mock::text(provider, "half");
        server.reply(Reply::events([begin]).hang());
        let model = connect(hurried(provider, &server, |it| it.idle = SHORT)).unwrap();
        let mut pieces = model.stream(request()).await.unwrap();
        assert_eq!(heard(&mut pieces).await, "half");
        let error = fault_in(pieces).await;
        assert_says(&error, ErrorKind::Timeout, &["in the middle", "model_timeouts.idle"]);
        server.left(1).await;
    }
}

#[tokio::test]
async fn a_slow_reader_is_not_a_slow_model() {
    let server = Server::start().await;
    let (reply, feed) = Reply::fed();
    server.reply(reply);
    let spec = hurried(Provider::OpenAi, &server, |_| ());
    let idle = spec.timeouts.idle;
    let model = connect(spec).unwrap();
    let first = feed.send(mock::text(Provider::OpenAi, "one"));
    let mut pieces = tokio::join!(model.stream(request()), first).0.unwrap();
    assert_eq!(heard(&mut pieces).await, "one");
    // The reader is away for longer than the model may be. The clock stands still only while
    // nothing waits for a socket.
    tokio::time::pause();
    tokio::time::advance(2 * idle).await;
    tokio::time::resume();
    let second = feed.send(mock::text(Provider::OpenAi, "two"));
    assert_eq!(tokio::join!(heard(&mut pieces), second).0, "two");
}

#[tokio::test]
async fn a_connection_that_is_not_taken_ends() {
    // Nothing answers at an address that is kept for documentation; where a router says so at once,
    // or a proxy answers, there is nothing to wait for.
    let server = Server::start().await;
    let mut spec = hurried(Provider::OpenAi, &server, |it| it.connect = SHORT);
    spec.base_url = Some("http://192.0.2.1/v1".to_owned());
    let error = ask(&*connect(spec).unwrap()).await.unwrap_err();
    if error.kind == ErrorKind::Timeout {
        let words = ["took no connection for 50ms", "model_timeouts.connect"];
        assert_says(&error, ErrorKind::Timeout, &words);
    }
}
