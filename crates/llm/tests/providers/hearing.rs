//! What comes out of an answer.

use proptest::prelude::*;
use sortie_llm::StopReason;
use sortie_llm::mock::{self, Feed, Reply, Server};

use super::*;

#[tokio::test]
async fn text_and_usage_are_heard() {
    for provider in Provider::ALL {
        let server = Server::start().await;
        server.reply(Reply::events([
            mock::begin(provider, TOKENS),
            mock::text(provider, "Grüße, "),
            mock::thought(provider, "hm"),
            mock::text(provider, "Welt 🌍"),
            mock::end(provider, StopReason::Complete, TOKENS),
        ]));
        let (text, ending) = ask(&*client(provider, &server)).await.unwrap();
        assert_eq!(text, "Grüße, Welt 🌍", "{provider}");
        assert_eq!(ending, Ending { stop: StopReason::Complete, tokens: TOKENS }, "{provider}");
    }
}

#[tokio::test]
async fn why_it_stopped_is_heard() {
    for provider in Provider::ALL {
        for stop in [StopReason::Complete, StopReason::Length, StopReason::Filtered] {
            let server = Server::start().await;
            let end = mock::end(provider, stop, TOKENS);
            let begin = mock::begin(provider, TOKENS);
            server.reply(Reply::events([begin, mock::text(provider, "x"), end]));
            let (_, ending) = ask(&*client(provider, &server)).await.unwrap();
            assert_eq!(ending.stop, stop, "{provider}");
        }
    }
}

/// A call whose answer has begun with this, and the hand on the rest of it.
async fn begun(provider: Provider, with: &str) -> (Server, Pieces, Feed) {
    let server = Server::start().await;
    let (reply, feed) = Reply::fed();
    server.reply(reply);
    let model = client(provider, &server);
    let (pieces, ()) = tokio::join!(model.stream(request()), async {
        server.requested(1).await;
        feed.send(with).await;
    });
    (server, pieces.unwrap(), feed)
}

#[tokio::test]
async fn each_piece_is_heard_before_the_next_is_sent() {
    for provider in Provider::ALL {
        let begin = mock::begin(provider, TOKENS) + &mock::text(provider, "one");
        let (_server, mut pieces, feed) = begun(provider, &begin).await;
        assert_eq!(heard(&mut pieces).await, "one", "{provider}");
        feed.send(mock::text(provider, "two")).await;
        assert_eq!(heard(&mut pieces).await, "two", "{provider}");
        // One word in two chunks, cut inside a letter.
        let word = mock::text(provider, "drei ü").into_bytes();
        let (first, second) =
            word.split_at(word.len() - word.iter().rev().position(|it| *it == 0xc3).unwrap());
        feed.send(first).await;
        feed.send(second).await;
        assert_eq!(heard(&mut pieces).await, "drei ü", "{provider}");
        feed.send(mock::end(provider, StopReason::Complete, TOKENS)).await;
        feed.end().await;
        let rest: Vec<_> = pieces.collect().await;
        let ending = Ending { stop: StopReason::Complete, tokens: TOKENS };
        assert_eq!(rest.last().unwrap(), &Ok(Piece::End(ending)), "{provider}");
    }
}

#[tokio::test]
async fn thoughts_and_comments_are_signs_of_life() {
    for provider in Provider::ALL {
        let (_server, mut pieces, feed) = begun(provider, ": the queue is long\n\n").await;
        assert_eq!(pieces.next().await.unwrap(), Ok(Piece::Beat), "{provider}");
        feed.send(mock::thought(provider, "hm")).await;
        assert_eq!(pieces.next().await.unwrap(), Ok(Piece::Beat), "{provider}");
        feed.send(": still here\n\n").await;
        assert_eq!(pieces.next().await.unwrap(), Ok(Piece::Beat), "{provider}");
    }
}

#[tokio::test]
async fn tokens_from_a_cache_and_thoughts_are_counted() {
    let openai = r#"data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}],
        "usage":{"prompt_tokens":10,"completion_tokens":9,
        "prompt_tokens_details":{"cached_tokens":4},
        "completion_tokens_details":{"reasoning_tokens":7}}}"#;
    let anthropic = r#"event: message_start
data: {"type":"message_start","message":{"usage":{"input_tokens":3,"cache_read_input_tokens":5,
data: "cache_creation_input_tokens":2,"output_tokens":1}}}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}}

event: message_stop
data: {"type":"message_stop"}"#;
    let gemini = r#"data: {"candidates":[{"content":{"parts":[{"text":"x"}]},"finishReason":"STOP"}],
data: "usageMetadata":{"promptTokenCount":10,"cachedContentTokenCount":4,"candidatesTokenCount":2,
data: "thoughtsTokenCount":7}}"#;
    let thoughts_only = r#"data: {"candidates":[{"content":{},"finishReason":"MAX_TOKENS"}],
data: "usageMetadata":{"promptTokenCount":10,"thoughtsTokenCount":9}}"#;
    for (provider, stream) in [
        (Provider::OpenAi, format!("{}\n\ndata: [DONE]", openai.replace('\n', "\ndata: "))),
        (Provider::Anthropic, anthropic.to_owned()),
        (Provider::Gemini, gemini.to_owned()),
        (Provider::Gemini, thoughts_only.to_owned()),
    ] {
        let server = Server::start().await;
        server.reply(Reply::events([stream + "\n\n"]));
        let (_, ending) = ask(&*client(provider, &server)).await.unwrap();
        assert_eq!(ending.tokens, Tokens { input: 10, output: 9 }, "{provider}");
    }
}

#[tokio::test]
async fn a_refusal_is_no_complete_answer() {
    let openai = "data: {\"choices\":[{\"index\":0,\"delta\":{\"refusal\":\"I won't\"}}]}\n\n\
        data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
        data: [DONE]\n\n";
    let gemini = "data: {\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}\n\n";
    for (provider, stream) in [(Provider::OpenAi, openai), (Provider::Gemini, gemini)] {
        let server = Server::start().await;
        server.reply(Reply::events([stream]));
        let (text, ending) = ask(&*client(provider, &server)).await.unwrap();
        assert_eq!((text.as_str(), ending.stop), ("", StopReason::Filtered), "{provider}");
    }
}

#[tokio::test]
async fn a_frame_of_gemini_with_nothing_but_usage_is_no_error() {
    let server = Server::start().await;
    server.reply(Reply::events([
        "data: {\"usageMetadata\":{\"promptTokenCount\":12}}\n\n".to_owned(),
        mock::text(Provider::Gemini, "x"),
        mock::end(Provider::Gemini, StopReason::Complete, TOKENS),
    ]));
    let (text, ending) = ask(&*client(Provider::Gemini, &server)).await.unwrap();
    assert_eq!((text.as_str(), ending.tokens), ("x", TOKENS));
}

#[tokio::test]
async fn dropping_closes_the_connection() {
    for provider in Provider::ALL {
        let server = Server::start().await;
        let (reply, mut feed) = Reply::fed();
        server.reply(reply);
        let model = client(provider, &server);
        let (pieces, ()) = tokio::join!(model.stream(request()), async {
            feed.send(mock::begin(provider, TOKENS) + &mock::text(provider, "one")).await;
        });
        let mut pieces = pieces.unwrap();
        heard(&mut pieces).await;
        drop(pieces);
        feed.left().await;

        // Before the answer begins, too.
        server.reply(Reply::silence());
        tokio::select! {
            _ = model.stream(request()) => panic!("nobody answers"),
            _ = server.requested(2) => {}
        }
        server.left(2).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..Default::default() })]

    #[test]
    fn the_text_is_the_same_however_it_is_cut(
        words in prop::collection::vec("[a-zäß🌍\"\\\\ \n]{0,8}", 1..8),
        crlf: bool,
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let said: String = words.concat();
        let provider = Provider::OpenAi;
        let mut stream = mock::begin(provider, TOKENS);
        stream.extend(words.iter().map(|word| mock::text(provider, word)));
        stream += &mock::end(provider, StopReason::Complete, TOKENS);
        if crlf {
            stream = stream.replace('\n', "\r\n");
        }
        let bytes = stream.as_bytes();
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let chunks: Vec<_> = cuts.windows(2).map(|cut| bytes[cut[0]..cut[1]].to_vec()).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (text, ending) = runtime.block_on(async {
            let server = Server::start().await;
            let (reply, feed) = Reply::fed();
            server.reply(reply);
            let model = client(provider, &server);
            let send = async {
                for chunk in chunks {
                    feed.send(chunk).await;
                }
                feed.end().await;
            };
            tokio::join!(ask(&*model), send).0.unwrap()
        });
        prop_assert_eq!(text, said);
        prop_assert_eq!(ending.tokens, TOKENS);
    }
}
