//! Intents become steps: numbered from 1, each referring only to steps before it.

use serde_json::{Value, json};
use sortie_engine::{StepDraft, StepNumber};

use super::bill::Bill;
use super::expression::{Expression, Operator};
use super::intent::{Intent, Wish};
use super::lookup::LookUp;
use super::money::{Money, capitalized};
use super::topic::Topic;
use super::unplannable::Unplannable;
use super::vocabulary::INSTRUCTIONS;

/// Every tool that a plan of rules may use.
pub(super) const TOOLS: [&str; 4] = [SEARCH, CALCULATE, SUMMARIZE, NOW];
const SEARCH: &str = "search";
const CALCULATE: &str = "calculate";
const SUMMARIZE: &str = "summarize";
const NOW: &str = "now";

/// The steps that fulfil all intents of a goal.
pub(super) fn draft(intents: Vec<Intent>) -> Result<Vec<StepDraft>, Unplannable> {
    let mut draft = Draft::default();
    let mut money = Money::stated(&intents)?;
    for intent in intents {
        draft.fulfil(intent, &mut money)?;
    }
    money.all_used()?;
    Ok(draft.steps)
}

/// A plan in the making.
#[derive(Debug, Default)]
pub(super) struct Draft {
    steps: Vec<StepDraft>,
    searches: Vec<(Topic, u32)>,
    calculation: Option<u32>,
}

impl Draft {
    fn fulfil(&mut self, intent: Intent, money: &mut Money) -> Result<(), Unplannable> {
        let Intent { words, wish } = intent;
        match wish {
            Wish::Compare(topics) => self.look_up(topics),
            Wish::LookUp(LookUp::Find(topics)) => self.look_up(topics),
            Wish::ComparePrior | Wish::State(_) => Vec::new(),
            Wish::LookUp(LookUp::FollowUp(topics)) => self.follow_up(topics, &words)?,
            Wish::LookUp(LookUp::Summarize { topics, max_sentences }) => {
                self.summarize(topics, max_sentences, &words)?
            }
            Wish::LookUp(LookUp::Now { timezone }) => vec![self.now(timezone)],
            Wish::Calculate { asked, expressions } => {
                self.calculate_all(&asked, expressions, &words)?
            }
            Wish::Convert(expressions) => expressions
                .iter()
                .map(|one| self.calculate(&format!("Convert {one}"), one))
                .collect(),
            Wish::Bill(bill) => self.bill(&bill),
            Wish::Ask(ask) => {
                money.answer(&ask, self, &words)?;
                Vec::new()
            }
        };
        Ok(())
    }

    /// One search for each topic, none waiting for another.
    fn look_up(&mut self, topics: Vec<Topic>) -> Vec<u32> {
        topics.into_iter().map(|topic| self.search(topic)).collect()
    }

    fn search(&mut self, topic: Topic) -> u32 {
        let same = |(known, _): &&(Topic, u32)| {
            known.query().to_lowercase() == topic.query().to_lowercase()
        };
        if let Some((_, number)) = self.searches.iter().find(same) {
            return *number;
        }
        let input = json!({"query": literal(&topic.query()), "subject": literal(&topic.subject)});
        let number = self.push(format!("Look up {}", topic.shown()), SEARCH, input, Vec::new());
        self.searches.push((topic, number));
        number
    }

    fn follow_up(&mut self, topics: Vec<Topic>, words: &str) -> Result<Vec<u32>, Unplannable> {
        let before = self.searches.last().map(|(topic, _)| topic.clone());
        let before = before.ok_or_else(|| Unplannable::not_understood(words))?;
        let same = |mut topic: Topic| {
            if topic.aspect.is_empty() {
                (topic.aspect, topic.joint) = (before.aspect.clone(), before.joint.clone());
            }
            topic
        };
        Ok(self.look_up(topics.into_iter().map(same).collect()))
    }

    fn summarize(
        &mut self,
        topics: Vec<Topic>,
        max_sentences: Option<u32>,
        words: &str,
    ) -> Result<Vec<u32>, Unplannable> {
        let mut numbers = self.look_up(topics);
        if numbers.is_empty() {
            numbers = self.searches.iter().map(|(_, number)| *number).collect();
        }
        if numbers.is_empty() {
            let problem = "it does not say what to look up first";
            return Err(Unplannable::unclear(words, problem));
        }
        numbers.sort_unstable();
        numbers.dedup();
        let queries: Vec<_> = self
            .searches
            .iter()
            .filter(|(_, number)| numbers.contains(number))
            .map(|(topic, _)| topic.query())
            .collect();
        let texts: Vec<_> = numbers.iter().map(|number| format!("{{{{{number}.text}}}}")).collect();
        let mut input = json!({"text": texts, "topic": literal(&queries.join(", "))});
        if let Some(most) = max_sentences {
            input["max_sentences"] = json!(most);
        }
        let shown =
            if queries.len() > 3 { "what was found".to_owned() } else { queries.join(" and ") };
        let depends_on = numbers.iter().copied().map(StepNumber::new).collect();
        Ok(vec![self.push(format!("Summarize {shown}"), SUMMARIZE, input, depends_on)])
    }

    fn now(&mut self, timezone: Option<String>) -> u32 {
        match timezone {
            Some(zone) => {
                let input = json!({ "timezone": literal(&zone) });
                self.push(format!("Look at the clock in {zone}"), NOW, input, Vec::new())
            }
            None => self.push("Look at the clock".to_owned(), NOW, json!({}), Vec::new()),
        }
    }

    fn calculate_all(
        &mut self,
        asked: &str,
        expressions: Vec<Expression>,
        words: &str,
    ) -> Result<Vec<u32>, Unplannable> {
        let single = expressions.len() == 1;
        let mut numbers = Vec::new();
        for expression in expressions {
            let money = expression.money();
            let text = if single && !expression.uses_prior() {
                asked.to_owned()
            } else {
                expression.to_string()
            };
            let expression = match (expression.uses_prior(), self.calculation) {
                (true, Some(before)) => expression.after(before),
                (true, None) => return Err(Unplannable::not_understood(words)),
                (false, _) => expression,
            };
            numbers.push(self.calculate(&calculation_title(&text, money), &expression));
        }
        Ok(numbers)
    }

    /// What each percentage adds to a price or takes off it, and the total if it is asked for.
    fn bill(&mut self, bill: &Bill) -> Vec<u32> {
        let mut total = Expression::Amount(bill.base.clone());
        let mut numbers = Vec::new();
        let shown = bill.base.shown();
        let mut words = shown.clone();
        for extra in &bill.extras {
            let share = Expression::percent(&extra.percent.digits);
            let whole = Expression::Amount(bill.base.clone());
            let title =
                format!("{}: {} of {shown}", capitalized(extra.label), extra.percent.shown());
            let step = self.calculate(&title, &whole.join(Operator::Multiply, share));
            let operator = if extra.adds { Operator::Add } else { Operator::Subtract };
            total = total.join(operator, Expression::Value(step));
            words += &format!(" {} {}", if extra.adds { "plus" } else { "less" }, extra.label);
            numbers.push(step);
        }
        if bill.total {
            numbers.push(self.calculate(&format!("Total: {words}"), &total));
        }
        numbers
    }

    /// Adds a calculation; it depends on the steps whose values it uses.
    pub(super) fn calculate(&mut self, description: &str, expression: &Expression) -> u32 {
        let mut depends_on = Vec::new();
        uses(expression, &mut depends_on);
        let input = json!({ "expression": expression.to_string() });
        let number = self.push(description.to_owned(), CALCULATE, input, depends_on);
        self.calculation = Some(number);
        number
    }

    /// The subjects looked up so far.
    pub(super) fn subjects(&self) -> Vec<&str> {
        self.searches.iter().map(|(topic, _)| topic.subject.as_str()).collect()
    }

    /// The number of the last calculation.
    pub(super) fn last_calculation(&self) -> Option<u32> {
        self.calculation
    }

    fn push(
        &mut self,
        description: String,
        tool: &str,
        tool_input: Value,
        depends_on: Vec<StepNumber>,
    ) -> u32 {
        let number = self.steps.last().map_or(StepNumber::FIRST, |step| step.number.next());
        let tool = tool.to_owned();
        self.steps.push(StepDraft { number, description, tool, tool_input, depends_on });
        number.get()
    }
}

/// A title that shows a currency's sign exactly where money comes out: answers go by it.
fn calculation_title(text: &str, money: Option<&str>) -> String {
    let text = match money {
        Some(sign) if text.contains(sign) => text.to_owned(),
        Some(sign) => format!("{text} ({sign})"),
        None => text.replace(['$', '€', '£', '¥', '₹'], ""),
    };
    let first = text.split(' ').next().unwrap_or_default().to_lowercase();
    match first.as_str() {
        verb if INSTRUCTIONS.contains(&verb) => capitalized(&text),
        "what" => format!("Calculate {}", text.to_lowercase()),
        _ => format!("Calculate {text}"),
    }
}

fn uses(expression: &Expression, found: &mut Vec<StepNumber>) {
    match expression {
        Expression::Value(step) => {
            let step = StepNumber::new(*step);
            if !found.contains(&step) {
                found.push(step);
            }
        }
        Expression::Negative(inner) | Expression::Call(_, inner) => uses(inner, found),
        Expression::Binary(left, _, right) => {
            uses(left, found);
            uses(right, found);
        }
        Expression::Amount(_) | Expression::Prior | Expression::Conversion(_) => {}
    }
}

/// The goal's own words in a tool's input: braces in them are text, never a reference.
fn literal(text: &str) -> String {
    text.replace("{{", "{{\"{{\"}}")
}
