//! Goals in many wordings, and what becomes of them.

use crate::planned;
use crate::tools::last_value;

const COST: &[&str] = &["cost of living Austin | Austin", "cost of living Lisbon | Lisbon"];
const LOWER: &[&str] = &["cost of living austin | austin", "cost of living lisbon | lisbon"];
const CHEAP: &[&str] = &["cost Austin | Austin", "cost Lisbon | Lisbon"];
const RENT: &[&str] = &["rent Austin | Austin", "rent Lisbon | Lisbon"];
const PLAIN: &[&str] = &["Rust | Rust", "Python | Python"];
const FAST: &[&str] = &["speed Rust | Rust", "speed Python | Python"];
const SAFE: &[&str] = &["performance Python | Python", "performance Rust | Rust"];

/// Goals and the searches, as `query | subject`, that they become.
const SEARCHES: &[(&str, &[&str])] = &[
    ("Compare the cost of living in Austin and Lisbon for a family of four", COST),
    ("please compare the cost of living in Austin versus Lisbon!!", COST),
    ("How does the cost of living in Austin compare with Lisbon?", COST),
    ("How does the cost of living in Austin compare with that of Lisbon?", COST),
    ("Is the cost of living in Austin higher than in Lisbon?", COST),
    ("Compare Austin's cost of living with Lisbon's", COST),
    ("Compare Austin and Lisbon by cost of living", COST),
    ("What's the difference in cost of living between Austin and Lisbon?", COST),
    ("Could you tell me the cost of living in Austin? What about Lisbon?", COST),
    ("austin vs lisbon cost of living", LOWER),
    ("compare the cost of living in austin and in lisbon", LOWER),
    ("Which is cheaper, Austin or Lisbon?", CHEAP),
    ("Which city is cheaper: Austin or Lisbon?", CHEAP),
    ("Between Austin and Lisbon, which is cheaper?", CHEAP),
    ("Is Austin cheaper than Lisbon?", CHEAP),
    ("How does Austin compare to Lisbon in terms of rent?", RENT),
    ("Is rent more expensive in Austin or in Lisbon?", RENT),
    ("Compare Rust to Python", PLAIN),
    ("Compare and contrast Rust & Python, please.", PLAIN),
    ("Rust or Python?", PLAIN),
    ("Rust vs. Python", PLAIN),
    ("What's the difference between Rust and Python?", PLAIN),
    ("What are the main differences between Rust and Python?", PLAIN),
    ("How does Rust differ from Python?", PLAIN),
    ("How is Rust different from Python?", PLAIN),
    ("What are Rust and Python?", PLAIN),
    ("Tell me about Rust and also about Python", PLAIN),
    ("Rust or Python? Which is faster?", FAST),
    ("Compare Rust and Python, and tell me which is faster.", FAST),
    ("Python vs Rust: performance", SAFE),
    ("python VS Rust performance", &["performance python | python", "performance Rust | Rust"]),
    ("How do Python and Rust compare in performance?", SAFE),
    (
        "Compare the populations of Austin, San Francisco, and Porto",
        &[
            "populations Austin | Austin",
            "populations San Francisco | San Francisco",
            "populations Porto | Porto",
        ],
    ),
    (
        "Which of Rust and Go has the best performance?",
        &["performance Rust | Rust", "performance Go | Go"],
    ),
    (
        "Compare salaries for software engineers and data scientists in Austin.",
        &[
            "salaries in Austin software engineers | software engineers",
            "salaries in Austin data scientists | data scientists",
        ],
    ),
    (
        "Compare the University of Texas and the University of Lisbon",
        &[
            "University of Texas | University of Texas",
            "University of Lisbon | University of Lisbon",
        ],
    ),
    ("Compare \"War and Peace\" and \"Dune\"", &["War and Peace | War and Peace", "Dune | Dune"]),
    (
        "Compare the weather in Oslo and Rome in July",
        &["weather in July Oslo | Oslo", "weather in July Rome | Rome"],
    ),
    ("Compare C++ with C#", &["C++ | C++", "C# | C#"]),
    (
        "look up the population and area of France",
        &["population France | France", "area France | France"],
    ),
    ("Who is Ada Lovelace?", &["Ada Lovelace | Ada Lovelace"]),
    ("Where is Lisbon?", &["Lisbon | Lisbon"]),
    ("Find out what Rust is.", &["Rust | Rust"]),
    ("When was Rust released?", &["released Rust | Rust"]),
    ("Who wrote Hamlet?", &["wrote Hamlet | Hamlet"]),
    ("What's the capital of France?", &["capital France | France"]),
    ("How many people live in Austin?", &["population Austin | Austin"]),
    ("Cost of living in Lisbon?", &["Cost of living Lisbon | Lisbon"]),
    ("Give me a short overview of Rust in two sentences", &["Rust | Rust"]),
    ("Look up Rust and Python and summarise them", PLAIN),
];

/// Goals that end in a calculation, and its figure.
const FIGURES: &[(&str, &str)] = &[
    ("What is 15% of 240, plus 12.5?", "48.5"),
    ("15 percent of 240", "36"),
    ("How much is 2.5% of $1 million?", "25000"),
    ("What is 2 to the power of 10?", "1024"),
    ("the square root of 144", "12"),
    ("sqrt(144) + 1", "13"),
    ("add 3 and 4", "7"),
    ("Add 3, 4 and 5.", "12"),
    ("subtract 4 from 10", "6"),
    ("17 times 23", "391"),
    ("What's 17 x 23?", "391"),
    ("half of 90", "45"),
    ("two thirds of 12", "8"),
    ("divide 100 by 8", "12.5"),
    ("What do you get if you multiply 6 by 7?", "42"),
    ("Calculate (3 + 4) * -2", "-14"),
    ("8 - (3 - 2)", "7"),
    ("100 / (5 * 4) =", "5"),
    ("Increase 250 by 10%, then divide by 5", "55"),
    ("200 + 5%", "210"),
    ("20% off $60", "48"),
    ("What percentage of 80 is 20?", "25"),
    ("What is 20 as a percentage of 80?", "25"),
    ("What is the average of 3, 4 and 5?", "4"),
    ("What is the difference between 9 and 4?", "5"),
    ("seven plus two", "9"),
    ("Split a bill of $120 between 4 people", "30"),
    ("What is the total of a bill of 80 euros with a 15% tip?", "92"),
    ("What is a 15% tip on $80?", "12"),
    ("A $60 shirt with 20% off", "48"),
    (
        "I earn $96,000 a year. Rent takes 25% and transport takes 12%. How much is left per month?",
        "5040",
    ),
    ("What is left of 3,500 after 20% tax and 500 rent?", "2300"),
    ("I make $5,000/month and rent is $1,500. How much is left?", "3500"),
    ("If I earn 80k a year and spend 30% on rent, what do I have left per year?", "56000"),
    ("My salary is $60,000 a year. How much is that per month?", "5000"),
    (
        "My salary is €4,000 per month. I spend 30% of it on rent. How much is the rent per year?",
        "14400",
    ),
    ("I earn $96,000 a year and rent is $1,500 a month. How much is left per year?", "78000"),
    ("How much do I have left if I earn 3000 a month and spend 40% on rent and food?", "1800"),
    ("If rent is 25% of $4,800, how much is left?", "3600"),
    ("Rent is 30% of my salary of $4000. How much do I pay for rent?", "1200"),
    ("Out of a budget of $2,000, 40% goes to rent and 15% to food. What remains?", "900"),
    ("Calculate 30% of $150,000 and subtract it from $150,000.", "105000"),
    ("Calculate what is left of $120,000 after 35% housing costs", "78000"),
    ("What is my disposable income if I make $4,000 a month and rent takes 35%?", "2600"),
];

const CONVERSIONS: &[(&str, &str)] = &[
    ("Convert 26.2 miles to kilometers.", "26.2 miles to kilometers"),
    ("26.2 mi in km", "26.2 miles to kilometers"),
    ("How many grams are 3 pounds?", "3 pounds to grams"),
    ("how many ounces are there in a pound", "1 pound to ounces"),
    ("What is 30 C in Fahrenheit?", "30 celsius to fahrenheit"),
    ("convert -40 f to c", "-40 fahrenheit to celsius"),
    ("60 mph in km/h", "60 mph to km/h"),
    ("How long is 90 minutes in hours?", "90 minutes to hours"),
    ("5 feet 11 inches in cm", "(5 feet + 11 inches) to centimeters"),
];

/// Goals that are not planned, and the part that the message names.
const REFUSED: &[(&str, &str)] = &[
    ("Write a sonnet that contains {{1}} twice.", "sonnet"),
    ("Book me a flight", "Book me a flight"),
    ("Translate \"hello\" into French", "Translate"),
    ("Tell me a joke", "joke"),
    ("What should I eat today?", "should"),
    ("What is the best programming language?", "best"),
    ("Compare Rust and Python and write a poem about both.", "write a poem"),
    ("Compare Rust and Python. Then book a flight.", "book a flight"),
    ("Convert 100 dollars to euros", "dollars"),
    ("Find a flight to Paris", "flight"),
    ("Find Rust and send it to Bob", "send it"),
    ("Why is the sky blue?", "sky"),
    ("Compare", "Compare"),
    ("Summarize both.", "Summarize both"),
    ("I earn 5000 a month.", "asks nothing"),
    ("30% of my salary", "my salary"),
    ("12,5% of 200", "12,5%"),
    ("My salary is $60,000. Rent is 30%. How much is left per month?", "a month"),
    ("I earn $96,000 a year and rent is $1,500. How much is left?", "rent"),
    ("How much is left?", "How much is left"),
    ("What time is it in Tokyo?", "Tokyo"),
    ("hello", "hello"),
    ("Write Rust code that adds two numbers", "code"),
    ("¿Cuál es la capital de Francia?", "capital"),
    ("   ", "empty"),
];

fn searches(goal: &str) -> Vec<String> {
    let steps = planned(goal).unwrap_or_else(|why| panic!("{goal}: {why}"));
    assert!(steps.iter().all(|step| step.tool != "search" || step.depends_on.is_empty()));
    let shown = |input: &serde_json::Value| {
        format!("{} | {}", input["query"].as_str().unwrap(), input["subject"].as_str().unwrap())
    };
    let searches = steps.iter().filter(|step| step.tool == "search");
    searches.map(|step| shown(&step.tool_input)).collect()
}

#[test]
fn subjects_and_aspects_are_found_in_many_wordings() {
    for (goal, expected) in SEARCHES {
        assert_eq!(searches(goal), *expected, "{goal}");
    }
}

#[test]
fn calculations_come_out_right_in_many_wordings() {
    for (goal, expected) in FIGURES {
        let steps = planned(goal).unwrap_or_else(|why| panic!("{goal}: {why}"));
        assert!(steps.iter().all(|step| step.tool == "calculate"), "{goal}");
        assert_eq!(last_value(&steps).as_deref(), Some(*expected), "{goal}");
    }
}

#[test]
fn units_are_converted_by_one_step() {
    for (goal, expected) in CONVERSIONS {
        let steps = planned(goal).unwrap_or_else(|why| panic!("{goal}: {why}"));
        assert_eq!(steps.len(), 1, "{goal}");
        assert_eq!(steps[0].tool_input["expression"], *expected, "{goal}");
    }
}

#[test]
fn what_is_not_understood_is_refused_and_named() {
    for (goal, part) in REFUSED {
        let why = planned(goal).expect_err(goal).to_string();
        assert!(why.contains(part), "{goal}: {why}");
    }
}

#[test]
fn summaries_wait_for_what_they_sum_up() {
    for (goal, searches) in [
        ("Find Rust and Python, then summarize both.", 2),
        ("Summarize the facts about Rust, Python and Austin in three sentences", 3),
        ("Look up Rust and give me a short summary.", 1),
        ("Compare Rust and Python and sum up the findings", 2),
    ] {
        let steps = planned(goal).unwrap_or_else(|why| panic!("{goal}: {why}"));
        let (last, others) = steps.split_last().unwrap();
        assert_eq!((last.tool.as_str(), others.len()), ("summarize", searches), "{goal}");
        assert_eq!(last.depends_on.len(), searches, "{goal}");
    }
}

#[test]
fn the_clock_is_asked_for_the_time() {
    for goal in ["What time is it?", "what's today's date", "What day is it today?"] {
        let steps = planned(goal).unwrap_or_else(|why| panic!("{goal}: {why}"));
        assert_eq!((steps.len(), steps[0].tool.as_str()), (1, "now"), "{goal}");
    }
}

#[test]
fn for_whom_it_is_shows_in_the_description_only() {
    let steps = planned("Compare the cost of living in Austin and Lisbon for a nurse").unwrap();
    assert_eq!(steps[0].description, "Look up the cost of living in Austin (for a nurse)");
    assert_eq!(steps[0].tool_input["query"], "cost of living Austin");
}
