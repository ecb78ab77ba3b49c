//! The contract suite: what every store must do, one test for each rule, named by it.
//!
//! A store brings a [`Harness`] and writes [`contract_suite!`](crate::contract_suite), which makes
//! one test of each rule. The rules use the four traits and nothing else; what a harness cannot do
//! is printed as skipped. The rules never sleep and never measure time.
#![allow(missing_docs, reason = "the names of the rules are sentences")]

pub mod claims;
pub mod commits;
pub mod completions;
pub mod garbage;
pub mod histories;
pub mod inboxes;
pub mod leases;
pub mod lists;
pub mod models;
pub mod notices;
pub mod owners;
pub mod results;
pub(crate) mod scene;
pub mod submissions;
pub mod timers;
pub mod withdrawals;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::{Store, Token};

/// A fresh, empty store of at least two lanes and room for 32 open runs, with what a test needs
/// beside it.
#[async_trait]
pub trait Harness: Send + Sync {
    /// The store.
    fn store(&self) -> Arc<dyn Store>;

    /// Makes the store's clock go on by so much at once.
    async fn shift_time(&self, by: Duration) -> Capability;

    /// Makes the lease of an attempt run out now, and no other.
    async fn age_lease(&self, token: Token) -> Capability;

    /// Puts something that nobody can decode, in front of what comes after.
    async fn inject_garbage(&self, place: Garbage) -> Capability;

    /// The limit of open runs, if it is low enough to be reached by a test.
    fn max_open_runs(&self) -> Option<usize> {
        None
    }
}

/// Where garbage is put: always lane 0, and the queue named `q`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Garbage {
    /// Among the attempts.
    Ready,
    /// Into the inbox.
    Inbox,
    /// Among the timers.
    Timers,
}

/// Whether a harness did what was asked of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Capability {
    /// It did.
    Done,
    /// It cannot.
    Unsupported,
}

impl Capability {
    /// Whether the rest of a rule must be skipped, which is then said.
    #[must_use]
    #[expect(clippy::print_stdout, reason = "whoever reads the test's output must see it")]
    pub fn lacks(self, what: &str) -> bool {
        if self == Self::Unsupported {
            println!("skipped: this harness cannot {what}");
        }
        self == Self::Unsupported
    }
}

/// Makes one test of each rule of the contract.
///
/// ```text
/// contract_suite!(#[tokio::test(start_paused = true)] fresh);
/// ```
///
/// `fresh` is an `async fn() -> impl Harness` in scope, called once for each rule.
#[macro_export]
macro_rules! contract_suite {
    (# $test:tt $fresh:path) => {
        $crate::contract_suite! { claims # $test $fresh:
            an_attempt_is_handed_out_once_as_it_was_queued
            attempts_are_claimed_oldest_first
            a_claim_takes_no_more_than_its_slots_over_all_queues
            a_claim_sees_its_own_queues_only
            no_queue_starves_behind_another
            a_claim_waits_only_so_long
            a_waiting_claim_gets_what_is_queued_in_any_of_its_queues
            as_many_waiting_claims_wake_as_find_something
            a_waiting_claim_gets_what_is_released
            a_dropped_claim_loses_nothing
            a_wakeup_of_a_dropped_claim_goes_to_the_next
        }
        $crate::contract_suite! { commits # $test $fresh:
            a_commit_on_the_head_is_the_new_head
            a_commit_on_a_stale_parent_conflicts_and_changes_nothing
            a_resent_commit_is_already_there_and_has_no_second_effect
            a_resend_does_not_queue_again_what_was_reported_meanwhile
            a_resend_after_a_later_commit_conflicts_and_changes_nothing
            a_commit_of_an_unknown_run_only_deletes_what_it_consumed
            a_bad_commit_leaves_the_others_of_its_batch_alone
            commits_of_one_run_in_a_batch_follow_each_other
            a_commit_deletes_what_it_consumed_and_nothing_else
            a_commit_without_events_moves_the_head_but_not_the_sequence
            runs_of_two_lanes_do_not_touch_each_other
        }
        $crate::contract_suite! { completions # $test $fresh:
            a_report_reaches_the_inbox_of_its_runs_lane
            the_second_report_on_an_attempt_is_not_heard
            the_second_report_of_one_batch_is_not_heard
            of_a_thief_and_the_first_holder_the_first_report_is_heard
            a_report_is_heard_although_the_lease_has_run_out
            a_report_with_a_token_that_was_given_back_is_not_heard
            a_token_is_good_for_its_own_run_only
            an_old_token_does_not_fit_the_next_attempt
        }
        $crate::contract_suite! { garbage # $test $fresh:
            garbage_among_attempts_does_not_stop_claims
            garbage_in_an_inbox_does_not_stop_readers
            garbage_among_timers_does_not_hide_the_others
        }
        $crate::contract_suite! { histories # $test $fresh:
            an_unknown_run_has_no_history
            a_history_is_read_after_a_place
            a_place_inside_a_commit_cuts_it
            the_end_of_a_history_is_empty_and_tells_the_head
            the_anchor_is_the_commit_that_holds_the_event
        }
        $crate::contract_suite! { inboxes # $test $fresh:
            commands_are_read_in_the_order_in_which_they_were_sent
            a_cursor_goes_on_where_it_stood
            reading_from_the_start_gives_again_what_is_not_consumed
            several_lanes_are_read_each_with_its_own_cursor_and_limit
            a_reader_waits_only_so_long
            all_readers_of_a_lane_wake_up
            a_reader_at_the_end_wakes_for_new_items_only
            submissions_and_reports_wake_readers
            a_dropped_reader_loses_nothing
            only_items_of_unknown_runs_are_discarded
            a_command_for_a_lane_that_is_not_there_harms_nobody
        }
        $crate::contract_suite! { leases # $test $fresh:
            the_holder_can_extend_and_nobody_else
            what_was_reported_or_withdrawn_or_never_was_is_gone
            nothing_is_stolen_before_its_lease_has_run_out
            extending_keeps_thieves_away
            a_late_heartbeat_counts_if_nobody_was_faster
            a_stolen_attempt_keeps_its_token_and_counts_a_delivery
            stealing_starts_a_new_lease
            a_woken_zombie_cannot_steal_its_attempt_back_by_a_heartbeat
            a_thief_takes_no_more_than_its_slots_and_only_from_its_queues
            what_ran_out_is_found_behind_what_did_not
            a_released_attempt_comes_back_under_a_new_token_without_a_delivery
            deliveries_before_a_release_still_count
            nobody_releases_what_another_holds
            a_released_attempt_can_still_be_withdrawn
        }
        $crate::contract_suite! { lists # $test $fresh:
            lists_show_the_newest_first
            pages_hold_still_while_runs_are_added_and_changed
            the_last_page_says_so_even_when_it_is_full
            lists_are_filtered_by_state
            lists_are_filtered_by_all_labels
            filtered_pages_are_full_as_long_as_runs_fit
            lists_show_the_summary_of_the_last_commit
        }
        $crate::contract_suite! { models # $test $fresh:
            the_queue_does_what_a_naive_model_of_it_does
            commits_on_random_parents_never_fork_a_history
        }
        $crate::contract_suite! { notices # $test $fresh:
            a_commit_with_events_is_signalled
            signals_reach_every_listener_in_order
            publishing_needs_no_listener
            a_slow_listener_is_told_that_it_missed_some_and_goes_on
            a_process_is_there_until_it_retires
            a_process_that_falls_silent_is_gone
            a_process_can_change_what_it_offers
        }
        $crate::contract_suite! { owners # $test $fresh:
            a_lane_has_one_owner
            an_owner_is_told_of_all_its_lanes
            renewing_keeps_a_lane
            a_silent_owner_loses_its_lanes
            a_lane_that_is_given_up_is_free_at_once
            nobody_gives_up_the_lane_of_another
            a_lane_that_is_not_there_is_never_owned
        }
        $crate::contract_suite! { results # $test $fresh:
            recorded_results_are_found_under_their_steps
            a_stored_result_is_found_once_a_commit_keeps_it
            a_kept_result_outlives_the_hour
            a_reported_result_waits_for_its_commit_beyond_the_hour
            a_result_that_nobody_reports_is_dropped_after_an_hour
            a_result_is_dropped_with_the_report_that_named_it
            a_result_survives_a_commit_that_conflicts
            a_run_cannot_keep_the_stored_result_of_another
        }
        $crate::contract_suite! { submissions # $test $fresh:
            a_submitted_run_has_a_first_event_a_timer_and_an_inbox_item
            the_same_submission_sent_again_has_no_second_effect
            a_submission_sent_again_does_not_set_its_run_back
            the_same_key_with_the_same_body_is_the_same_run
            the_same_key_with_another_body_is_refused
            other_keys_and_no_keys_are_other_runs
            a_refused_submission_leaves_the_others_of_its_batch_alone
            a_run_id_is_never_given_to_a_second_goal
            a_full_store_refuses_new_goals_until_a_run_ends
        }
        $crate::contract_suite! { timers # $test $fresh:
            an_open_run_has_the_timer_of_its_last_commit
            an_ended_run_has_no_timer
            a_run_is_marked_as_long_as_its_last_commit_says_so
            an_ended_run_is_not_marked
            the_clock_goes_on
        }
        $crate::contract_suite! { withdrawals # $test $fresh:
            a_withdrawn_attempt_is_never_claimed
            a_withdrawn_attempt_is_gone_for_its_holder
            the_holder_of_a_withdrawn_attempt_hears_of_it_at_once
            a_withdrawn_attempt_is_not_stolen
            withdrawing_what_was_reported_leaves_the_report
            withdrawing_a_step_without_an_attempt_does_nothing
            the_same_step_of_another_run_is_not_withdrawn
            a_step_can_be_queued_again_after_its_report
            a_commit_that_withdraws_and_queues_a_step_leaves_the_new_attempt
            a_step_has_one_attempt_at_most
            attempts_are_in_custody_from_their_commit_to_their_report
        }
    };
    ($module:ident # $test:tt $fresh:path: $($rule:ident)+) => {
        mod $module {
            use super::*;

            $(
                # $test
                async fn $rule() {
                    $crate::contract::$module::$rule(&$fresh().await).await;
                }
            )+
        }
    };
}

#[cfg(test)]
mod tests;
