//! Units of measurement: the words people use, and the names that the calculator knows.

/// One unit: singular, plural, and other ways to write it.
type Unit = (&'static str, &'static str, &'static [&'static str]);

const UNITS: &[Unit] = &[
    ("kilometer", "kilometers", &["km", "kms", "kilometre", "kilometres"]),
    ("meter", "meters", &["m", "metre", "metres"]),
    ("centimeter", "centimeters", &["cm", "cms", "centimetre", "centimetres"]),
    ("millimeter", "millimeters", &["mm", "millimetre", "millimetres"]),
    ("mile", "miles", &["mi"]),
    ("yard", "yards", &["yd", "yds"]),
    ("foot", "feet", &["ft"]),
    ("inch", "inches", &["in", "ins"]),
    ("kilogram", "kilograms", &["kg", "kgs", "kilo", "kilos"]),
    ("gram", "grams", &["g", "gr", "gramme", "grammes"]),
    ("milligram", "milligrams", &["mg"]),
    ("tonne", "tonnes", &["metric ton", "metric tons"]),
    ("pound", "pounds", &["lb", "lbs"]),
    ("ounce", "ounces", &["oz"]),
    ("stone", "stone", &["stones"]),
    ("liter", "liters", &["l", "litre", "litres"]),
    ("milliliter", "milliliters", &["ml", "millilitre", "millilitres"]),
    ("gallon", "gallons", &["gal"]),
    ("pint", "pints", &["pt"]),
    ("cup", "cups", &[]),
    ("tablespoon", "tablespoons", &["tbsp"]),
    ("teaspoon", "teaspoons", &["tsp"]),
    ("second", "seconds", &["s", "sec", "secs"]),
    ("minute", "minutes", &["min", "mins"]),
    ("hour", "hours", &["h", "hr", "hrs"]),
    ("day", "days", &[]),
    ("week", "weeks", &[]),
    ("year", "years", &[]),
    ("celsius", "celsius", &["c", "°c", "degrees celsius", "degrees c", "centigrade"]),
    ("fahrenheit", "fahrenheit", &["f", "°f", "degrees fahrenheit", "degrees f"]),
    ("kelvin", "kelvin", &["k", "degrees kelvin"]),
    ("mph", "mph", &["miles per hour", "mi/h"]),
    ("km/h", "km/h", &["kph", "kmh", "kilometers per hour", "kilometres per hour"]),
    ("m/s", "m/s", &["meters per second", "metres per second"]),
    ("acre", "acres", &[]),
    ("hectare", "hectares", &["ha"]),
    ("byte", "bytes", &[]),
    ("kilobyte", "kilobytes", &["kb"]),
    ("megabyte", "megabytes", &["mb"]),
    ("gigabyte", "gigabytes", &["gb"]),
    ("terabyte", "terabytes", &["tb"]),
    ("joule", "joules", &["j"]),
    ("calorie", "calories", &["cal"]),
    ("kilocalorie", "kilocalories", &["kcal"]),
    ("kilojoule", "kilojoules", &["kj"]),
    ("watt", "watts", &["w"]),
    ("kilowatt", "kilowatts", &["kw"]),
    ("horsepower", "horsepower", &["hp"]),
];

/// Longest name of a unit, in words.
pub(super) const MAX_UNIT_WORDS: usize = 3;

/// A unit's name for one (`mile`) or many (`miles`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UnitName {
    pub(super) one: &'static str,
    pub(super) many: &'static str,
}

/// The unit that these words name.
pub(super) fn unit(words: &str) -> Option<UnitName> {
    let found = UNITS
        .iter()
        .find(|(one, many, others)| *one == words || *many == words || others.contains(&words));
    found.map(|(one, many, _)| UnitName { one, many })
}
