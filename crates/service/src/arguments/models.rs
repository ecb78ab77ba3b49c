//! The flags of models: in general, and for each role. A program takes those of the roles that it
//! has.

use clap::Args;

use super::flag_values;
use crate::config::FlagValue;

const MODELS: &str = "Models";

/// For every role that says nothing of its own.
#[derive(Debug, Clone, Args)]
pub struct GeneralModelArgs {
    /// The model for everything: its name, script:FILE, or offline [env: SORTIE_MODEL]
    #[arg(long, help_heading = MODELS, value_name = "NAME")]
    model: Option<String>,
    /// Whose interface it speaks: openai, anthropic or gemini [env: SORTIE_MODEL_PROVIDER]
    #[arg(long, help_heading = MODELS, value_name = "PROVIDER")]
    model_provider: Option<String>,
    /// Where it is, if not at its provider: http://localhost:8080/v1 [env: SORTIE_MODEL_BASE_URL]
    #[arg(long, help_heading = MODELS, value_name = "URL")]
    model_base_url: Option<String>,
}

impl GeneralModelArgs {
    /// The settings that they give.
    #[must_use]
    pub fn flags(&self) -> Vec<FlagValue> {
        flag_values([
            ("model", "--model", &self.model),
            ("model_provider", "--model-provider", &self.model_provider),
            ("model_base_url", "--model-base-url", &self.model_base_url),
        ])
    }
}

/// Who plans.
#[derive(Debug, Clone, Args)]
pub struct PlannerModelArgs {
    /// The model that plans, if it is another one
    #[arg(long, help_heading = MODELS, value_name = "NAME")]
    planner_model: Option<String>,
    /// Whose interface it speaks
    #[arg(long, help_heading = MODELS, value_name = "PROVIDER")]
    planner_provider: Option<String>,
    /// Where it is
    #[arg(long, help_heading = MODELS, value_name = "URL")]
    planner_base_url: Option<String>,
}

impl PlannerModelArgs {
    /// The settings that they give.
    #[must_use]
    pub fn flags(&self) -> Vec<FlagValue> {
        flag_values([
            ("planner_model", "--planner-model", &self.planner_model),
            ("planner_provider", "--planner-provider", &self.planner_provider),
            ("planner_base_url", "--planner-base-url", &self.planner_base_url),
        ])
    }
}

/// Who does steps that need a model.
#[derive(Debug, Clone, Args)]
pub struct ExecutorModelArgs {
    /// The model that does steps that need one, if it is another one
    #[arg(long, help_heading = MODELS, value_name = "NAME")]
    executor_model: Option<String>,
    /// Whose interface it speaks
    #[arg(long, help_heading = MODELS, value_name = "PROVIDER")]
    executor_provider: Option<String>,
    /// Where it is
    #[arg(long, help_heading = MODELS, value_name = "URL")]
    executor_base_url: Option<String>,
}

impl ExecutorModelArgs {
    /// The settings that they give.
    #[must_use]
    pub fn flags(&self) -> Vec<FlagValue> {
        flag_values([
            ("executor_model", "--executor-model", &self.executor_model),
            ("executor_provider", "--executor-provider", &self.executor_provider),
            ("executor_base_url", "--executor-base-url", &self.executor_base_url),
        ])
    }
}

/// Who writes answers.
#[derive(Debug, Clone, Args)]
pub struct SynthesizerModelArgs {
    /// The model that writes answers, if it is another one
    #[arg(long, help_heading = MODELS, value_name = "NAME")]
    synthesizer_model: Option<String>,
    /// Whose interface it speaks
    #[arg(long, help_heading = MODELS, value_name = "PROVIDER")]
    synthesizer_provider: Option<String>,
    /// Where it is
    #[arg(long, help_heading = MODELS, value_name = "URL")]
    synthesizer_base_url: Option<String>,
}

impl SynthesizerModelArgs {
    /// The settings that they give.
    #[must_use]
    pub fn flags(&self) -> Vec<FlagValue> {
        flag_values([
            ("synthesizer_model", "--synthesizer-model", &self.synthesizer_model),
            ("synthesizer_provider", "--synthesizer-provider", &self.synthesizer_provider),
            ("synthesizer_base_url", "--synthesizer-base-url", &self.synthesizer_base_url),
        ])
    }
}

/// What models are told, and what they cost.
#[derive(Debug, Clone, Args)]
pub struct ModelFileArgs {
    /// A folder of prompts that stand in for those of the program
    #[arg(long, help_heading = MODELS, value_name = "DIR")]
    prompts: Option<String>,
    /// A file of prices instead of those of the program
    #[arg(long, help_heading = MODELS, value_name = "FILE")]
    prices: Option<String>,
}

impl ModelFileArgs {
    /// The settings that they give.
    #[must_use]
    pub fn flags(&self) -> Vec<FlagValue> {
        flag_values([("prompts", "--prompts", &self.prompts), ("prices", "--prices", &self.prices)])
    }
}
