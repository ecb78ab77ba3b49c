//! What is left of an amount: the calculations for questions about a goal's own statements.

use super::amount::Measure;
use super::ask::{Ask, Wanted, stem};
use super::draft::Draft;
use super::expression::{Expression, Operator};
use super::fact::{Fact, Flow, Period};
use super::intent::{Intent, Wish};
use super::unplannable::Unplannable;

/// What a goal states about money, and the steps that already work on it.
#[derive(Debug, Default)]
pub(super) struct Money {
    income: Option<Flow>,
    parts: Vec<Part>,
    /// The words of the first statement, for messages.
    words: String,
    asked: bool,
    other_wishes: bool,
}

/// Something that takes a part.
#[derive(Debug)]
struct Part {
    label: String,
    flow: Flow,
    step: Option<u32>,
}

impl Money {
    /// Gathers what the clauses of a goal state.
    pub(super) fn stated(intents: &[Intent]) -> Result<Self, Unplannable> {
        let mut money = Self::default();
        for Intent { words, wish } in intents {
            let facts = match wish {
                Wish::State(facts) => facts,
                Wish::Ask(ask) => &ask.facts,
                _ => {
                    money.other_wishes = true;
                    continue;
                }
            };
            money.words = if money.words.is_empty() { words.clone() } else { money.words };
            for fact in facts {
                money.add(fact, words)?;
            }
        }
        Ok(money)
    }

    fn add(&mut self, fact: &Fact, words: &str) -> Result<(), Unplannable> {
        match fact {
            Fact::Income(flow) if self.income.as_ref().is_some_and(|known| known != flow) => {
                Err(Unplannable::unclear(words, "the goal states more than one income"))
            }
            Fact::Income(flow) => {
                self.income = Some(flow.clone());
                Ok(())
            }
            Fact::Share { label, flow } => {
                self.parts.push(Part { label: label.clone(), flow: flow.clone(), step: None });
                Ok(())
            }
        }
    }

    /// Statements that nothing asks about may be the setting of another question, but shares of
    /// an income are there to be worked out.
    pub(super) fn all_used(&self) -> Result<(), Unplannable> {
        let idle = !self.parts.is_empty() || (self.income.is_some() && !self.other_wishes);
        if !self.asked && idle {
            return Err(Unplannable::unclear(&self.words, "the goal asks nothing about it"));
        }
        Ok(())
    }

    /// Adds the steps that answer a question.
    pub(super) fn answer(
        &mut self,
        ask: &Ask,
        draft: &mut Draft,
        words: &str,
    ) -> Result<(), Unplannable> {
        self.asked = true;
        let income = self
            .income
            .clone()
            .ok_or_else(|| Unplannable::unclear(words, "the goal does not say of which amount"))?;
        let base = income.period;
        if ask.period.is_some() && base.is_none() {
            let problem = format!(
                "the goal does not say whether {} is for a year, a month, a week or a day",
                income.amount.shown()
            );
            return Err(Unplannable::unclear(words, problem));
        }
        let (name, found) = match &ask.wanted {
            Wanted::Left { .. } => self.left(&income, ask, draft, words)?,
            Wanted::Part(stems) => self.part(&income, stems, draft, words)?,
            Wanted::That => match draft.last_calculation() {
                Some(step) => ("That".to_owned(), Expression::Value(step)),
                None => ("Income".to_owned(), Expression::Amount(income.amount.clone())),
            },
        };
        if let (Some(base), Some(wanted)) =
            (base, ask.period.filter(|wanted| base != Some(*wanted)))
        {
            let from = match &found {
                Expression::Amount(amount) => amount.shown(),
                _ => {
                    let sign = income.amount.sign();
                    let money = if sign.is_empty() { "" } else { ", in " };
                    format!("{} a {}{money}{sign}", name.to_lowercase(), base.word())
                }
            };
            let title = format!("{name} a {}: {from} ({})", wanted.word(), rate(base, wanted));
            draft.calculate(&title, &in_period(found, base, wanted));
        }
        Ok(())
    }

    /// Every part, then what they leave.
    fn left(
        &mut self,
        income: &Flow,
        ask: &Ask,
        draft: &mut Draft,
        words: &str,
    ) -> Result<(String, Expression), Unplannable> {
        if self.parts.is_empty() {
            return Err(Unplannable::unclear(words, "the goal does not say what is taken away"));
        }
        let mut rest = Expression::Amount(income.amount.clone());
        for index in 0..self.parts.len() {
            let part = self.parts[index].value(income, draft, words)?;
            rest = rest.join(Operator::Subtract, part);
        }
        let labels: Vec<_> = self.parts.iter().map(|part| part.label.as_str()).collect();
        let subjects = draft.subjects();
        let alike = if ask.each && subjects.len() > 1 {
            format!(", the same for {}", subjects.join(" and "))
        } else {
            String::new()
        };
        let less = format!("{} less {}", income.amount.shown(), labels.join(" and "));
        let disposable = matches!(ask.wanted, Wanted::Left { disposable: true });
        let name = if disposable { "Disposable income" } else { "Left" };
        let title = format!("{name}{}{alike}: {less}", a_period(income.period));
        let step = draft.calculate(&title, &rest);
        Ok((name.to_owned(), Expression::Value(step)))
    }

    /// The one part that a question names.
    fn part(
        &mut self,
        income: &Flow,
        stems: &[String],
        draft: &mut Draft,
        words: &str,
    ) -> Result<(String, Expression), Unplannable> {
        let named = |part: &&mut Part| {
            let label: Vec<_> = part.label.split_whitespace().map(stem).collect();
            stems.iter().any(|word| label.contains(word))
        };
        let mut matching = self.parts.iter_mut().filter(named);
        let part = matching.next().ok_or_else(|| Unplannable::not_understood(words))?;
        let value = part.value(income, draft, words)?;
        Ok((capitalized(&part.label), value))
    }
}

impl Part {
    /// What this part comes to in the income's period; the step that works it out is made once.
    fn value(
        &mut self,
        income: &Flow,
        draft: &mut Draft,
        words: &str,
    ) -> Result<Expression, Unplannable> {
        if let Some(step) = self.step {
            return Ok(Expression::Value(step));
        }
        let Flow { amount, period } = &self.flow;
        let title = format!("{}{}", capitalized(&self.label), a_period(income.period));
        let (title, expression) = if amount.is_percent() {
            let share = Expression::percent(&amount.digits);
            let whole = Expression::Amount(income.amount.clone());
            let title = format!("{title}: {} of {}", amount.shown(), income.amount.shown());
            (title, whole.join(Operator::Multiply, share))
        } else {
            let mut shown = amount.clone();
            if shown.of == Measure::Plain {
                shown.of = income.amount.of;
            }
            let own = Expression::Amount(shown.clone());
            let period = period.or(income.period.filter(|base| *base != Period::Year));
            match (period, income.period) {
                (from, to) if from == to => return Ok(own),
                (Some(from), Some(to)) => {
                    let title = format!(
                        "{title}: {} a {} ({})",
                        shown.shown(),
                        from.word(),
                        rate(from, to)
                    );
                    (title, in_period(own, from, to))
                }
                _ => {
                    let problem = format!(
                        "the goal does not say for which time {} ({}) and {} are: a year, a month, \
                         a week or a day",
                        shown.shown(),
                        self.label,
                        income.amount.shown()
                    );
                    return Err(Unplannable::unclear(words, problem));
                }
            }
        };
        let step = draft.calculate(&title, &expression);
        self.step = Some(step);
        Ok(Expression::Value(step))
    }
}

/// An amount of one period in another; only whole years connect weeks and months.
fn in_period(amount: Expression, from: Period, to: Period) -> Expression {
    let mut result = amount;
    if from != Period::Year {
        result = result.join(Operator::Multiply, Expression::number(from.in_a_year()));
    }
    if to != Period::Year {
        result = result.join(Operator::Divide, Expression::number(to.in_a_year()));
    }
    result
}

fn rate(from: Period, to: Period) -> String {
    let rates = [from, to].into_iter().filter(|period| *period != Period::Year);
    let rates: Vec<_> = rates.map(|p| format!("{} {}s", p.in_a_year(), p.word())).collect();
    format!("{} a year", rates.join(" and "))
}

fn a_period(period: Option<Period>) -> String {
    period.map(|period| format!(" a {}", period.word())).unwrap_or_default()
}

pub(super) fn capitalized(label: &str) -> String {
    let mut chars = label.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    first + chars.as_str()
}
