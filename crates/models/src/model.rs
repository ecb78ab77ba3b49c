//! A model at work: a client, and what its calls cost.

use std::fmt;
use std::sync::Arc;

use sortie_engine::{Failure, Usage};
use sortie_llm::{ChatModel, Ending, ModelName, Pieces, Request, Tokens};

use crate::failure::failure;
use crate::prices::PriceList;

/// A model at work. Cheap to clone.
#[derive(Clone)]
pub struct Model {
    chat: Arc<dyn ChatModel>,
    prices: Prices,
}

type Prices = Arc<dyn Fn(&ModelName, Tokens) -> Option<Price> + Send + Sync>;

/// What a model costs, in billionths of a US dollar for each token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// A token that it reads.
    pub input: u64,
    /// A token that it writes.
    pub output: u64,
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Model").field(&self.name()).finish()
    }
}

impl Model {
    /// A model whose calls cost what `price` says, if it knows.
    #[must_use]
    pub fn new(
        chat: Arc<dyn ChatModel>,
        price: impl Fn(&ModelName) -> Option<Price> + Send + Sync + 'static,
    ) -> Self {
        Self { chat, prices: Arc::new(move |name, _| price(name)) }
    }

    /// A model whose calls cost what a list says.
    #[must_use]
    pub fn priced(chat: Arc<dyn ChatModel>, list: Arc<PriceList>) -> Self {
        Self { chat, prices: Arc::new(move |name, tokens| list.price(name, tokens.input)) }
    }

    /// A model without prices.
    #[must_use]
    pub fn unpriced(chat: Arc<dyn ChatModel>) -> Self {
        Self::new(chat, |_| None)
    }

    /// Who it is, as far as it is known now.
    #[must_use]
    pub fn name(&self) -> ModelName {
        self.chat.name()
    }

    /// Whether both are one client: what one of them finds out, both know.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.chat, &other.chat)
    }

    /// Who it is, asking a server for the name of its model where that is not known yet.
    pub async fn look_up(&self) -> ModelName {
        self.chat.look_up().await
    }

    /// Asks: one model call.
    ///
    /// # Errors
    /// As a failure whose kind says whether to try again.
    pub async fn stream(&self, request: Request) -> Result<Pieces, Failure> {
        self.chat.stream(request).await.map_err(failure)
    }

    /// Asks and waits for all of the text, at most `max_bytes`: one model call.
    ///
    /// # Errors
    /// As a failure whose kind says whether to try again.
    pub async fn complete(
        &self,
        request: Request,
        max_bytes: usize,
    ) -> Result<(String, Ending), Failure> {
        sortie_llm::complete(self.chat.as_ref(), request, max_bytes).await.map_err(failure)
    }

    /// What one call used. No call reads and writes nothing: where no tokens are told, because the
    /// call was left before its end or the server does not count, its price is not known.
    #[must_use]
    pub fn usage(&self, tokens: Tokens) -> Usage {
        let told = tokens != Tokens::default();
        let price = told.then(|| (self.prices)(&self.name(), tokens)).flatten();
        let cost = |price: Price| {
            let read = tokens.input.saturating_mul(price.input);
            read.saturating_add(tokens.output.saturating_mul(price.output))
        };
        Usage {
            model_calls: 1,
            input_tokens: tokens.input,
            output_tokens: tokens.output,
            cost_nanodollars: price.map_or(0, cost),
            unpriced_calls: u32::from(price.is_none()),
        }
    }
}
