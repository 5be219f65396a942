//! What the project promises its users, and the tests that hold it to that.
//!
//! *The table*: what becomes of clients without a pin, pinned to the candidate, and pinned to stable. All rows at once, at
//! random: `tests/load/model/mod.rs::every_client_goes_where_the_model_says`; in the pure core:
//! `src/rollout/assign/tests/rows.rs`.
//!
//! | event | tests |
//! |---|---|
//! | the blend moves | `tests/routing/release/commands.rs::the_blend_moves_and_nobody_with_a_pin_does`, with `transition: navigate` `tests/routing/release/transitions.rs::with_navigate_a_page_follows_the_blend_and_everything_else_stays` |
//! | promote | `tests/routing/release/commands.rs::promote_moves_nobody_with_a_pin`, then `tests/routing/release/drain.rs::after_the_drain_time_a_navigation_moves_and_nothing_else_does`, `tests/routing/release/drain.rs::at_its_end_a_drain_retires_the_release` |
//! | abort | `tests/routing/release/commands.rs::abort_moves_the_candidates_clients_at_once` |
//! | the candidate is replaced | `tests/routing/release/commands.rs::another_candidate_takes_the_place_of_the_first` |
//! | a raw write takes a release off its track | `tests/routing/release/raw_writes.rs::a_candidate_taken_off_by_a_raw_write_drains`, `tests/routing/release/raw_writes.rs::a_stable_without_endpoints_waits_for_its_first` |
//! | rollback | `tests/routing/release/commands.rs::rollback_takes_everybody_off_the_bad_release_at_once` |
//! | one endpoint dies | `tests/routing/release/endpoints.rs::one_endpoint_dies_and_its_clients_stay_on_the_release` |
//! | the whole candidate is unhealthy | `tests/routing/release/endpoints.rs::a_whole_candidate_that_dies_gives_its_clients_to_stable` |
//! | the whole stable is unhealthy | `tests/routing/release/endpoints.rs::a_whole_stable_that_dies_is_not_replaced_by_the_candidate`, `tests/routing/health.rs::a_release_that_is_down_as_a_whole_says_when_to_come_back` |
//! | a draining release loses its endpoints | `tests/routing/release/drain.rs::a_draining_release_without_endpoints_gives_its_clients_to_stable` |
//! | one endpoint more | `tests/routing/release/endpoints.rs::one_more_endpoint_takes_new_clients_and_moves_no_pin` |
//! | any of these, to who is on a draining release | `tests/routing/release/transitions.rs::who_is_on_a_draining_release_stays_whatever_becomes_of_the_tracks` |
//!
//! *What users of other tools complain about*, made impossible:
//!
//! | complaint | tests |
//! |---|---|
//! | pinning only one track drains all users onto it | `tests/routing/release/commands.rs::the_blend_moves_and_nobody_with_a_pin_does` |
//! | a user bounces between versions | `tests/load/moves.rs::commands_under_load_move_only_those_whom_the_table_moves`, `tests/load/failures.rs::candidate_endpoints_that_die_hang_and_return_fail_nobody` |
//! | weight 0 throws pins away | `tests/routing/release/commands.rs::the_blend_moves_and_nobody_with_a_pin_does` |
//! | a cookie for a vanished endpoint keeps routing there | `tests/routing/release/endpoints.rs::an_endpoint_key_that_is_deleted_moves_its_clients_inside_the_release` |
//! | half-applied configuration serves | `tests/load/kill.rs::a_router_killed_in_the_middle_comes_back_with_the_old_state_or_the_new`, `tests/control/api/state.rs::a_bad_keyvalue_is_shown_and_harms_only_itself` |
//! | a release cuts WebSockets | `tests/routing/release/drain.rs::a_socket_outlives_a_promote`, `tests/routing/release/sockets.rs::a_promote_cuts_no_socket_before_its_deadline_and_closes_all_properly_at_it`, `tests/routing/release/sockets.rs::an_abort_gives_sockets_their_time_and_closes_all_properly` |
//! | a rollback replays slow steps, or does nothing | `tests/routing/release/commands.rs::rollback_to_any_release_of_the_history`, `tests/routing/release/raw_writes.rs::a_release_that_returns_to_an_empty_stable_track_has_its_way_back` |
//! | an abort or a promote is ignored, or undone by itself | `tests/control/api/commands.rs::repeats_are_answered_and_change_nothing`, `tests/control/api/commands.rs::a_lock_stops_ci_and_nobody_else` |
//! | whoever reaches the dashboard can promote | `tests/control/api_security.rs::without_a_token_nothing_is_read_or_written` |
//! | a pipeline promotes over a rollback | `tests/control/api/commands.rs::a_rollback_locks_ci_out_until_an_operator_acts` |
//! | nobody can tell when the old release's clients are gone | `tests/routing/release/drain.rs::the_state_says_who_is_still_there_until_nobody_is`, `tests/routing/release/drain.rs::the_state_says_what_drains_and_until_when` |
//! | an old page asks for assets that the new release has not | `tests/routing/assets.rs::an_asset_that_only_the_sibling_has_is_served_and_nobody_moves` |
//! | testers cannot try a dark release through the front door | `tests/routing/testers/links.rs::a_link_shows_the_release_that_the_blend_hides`, `tests/routing/testers/links.rs::a_link_beats_the_pin_and_the_blend_either_way`, `tests/routing/testers/traces.rs::a_pin_is_neither_read_nor_set_nor_moved` |
//!
//! *What a release manager sees and does in the GUI*, in a real browser, with real routers, stores and endpoints behind it:
//!
//! | state or action | tests |
//! |---|---|
//! | setting up, from the token to the first served request | `tests/gui/main.rs::a_newcomer_is_led_from_the_token_to_the_first_served_request`, `tests/gui/commands.rs::a_second_app_is_set_up_from_what_the_store_holds` |
//! | nothing is routed | `tests/gui/commands.rs::an_app_with_nothing_on_stable_says_so_until_a_release_is_chosen` |
//! | candidate, blend, promote, rollback, a second window follows | `tests/gui/main.rs::a_whole_release_by_hand_and_a_second_window_follows_live` |
//! | without a pointer | `tests/gui/display.rs::a_whole_release_without_a_pointer` |
//! | the blend by pointer, keys and number | `tests/gui/main.rs::the_blend_moves_by_pointer_and_by_keys_and_only_when_let_go` |
//! | abort | `tests/gui/main.rs::abort_is_one_click_and_a_confirmation_and_says_where_clients_go` |
//! | rollback to any release of the history | `tests/gui/commands.rs::any_release_of_the_history_can_be_gone_back_to` |
//! | lock, unlock, sticky | `tests/gui/commands.rs::locking_sticky_and_unlocking_say_why_and_hold_ci_back` |
//! | a drain is finished | `tests/gui/commands.rs::drains_are_finished_one_and_all` |
//! | one endpoint drains, and the drain is lifted | `tests/gui/endpoints.rs::an_endpoint_is_drained_from_its_card_and_lifted_from_the_list_of_releases` |
//! | the app moved meanwhile: said, nothing done | `tests/gui/main.rs::a_confirmation_that_the_world_overtook_acts_only_after_another_look`, `tests/gui/pages.rs::settings_of_an_app_that_moved_are_looked_at_again_and_nothing_typed_is_lost` |
//! | applied on N of N routers, and who is missing | `tests/gui/fleet.rs::progress_says_on_how_many_routers_a_change_is_applied_and_who_is_missing` |
//! | the connection is lost: values look old | `tests/gui/main.rs::a_lost_router_shows_at_once_and_the_page_comes_back_by_itself` |
//! | the store is not reachable | `tests/gui/live.rs::a_store_that_is_gone_is_told_and_clients_notice_nothing` |
//! | the store is another | `tests/gui/live.rs::a_store_that_is_another_is_accepted_or_restored_where_it_is_told` |
//! | a key is invalid; raw writes | `tests/gui/commands.rs::raw_keyvalues_are_written_with_a_warning_and_what_is_wrong_is_shown_until_it_is_mended` |
//! | the candidate is better or worse | `tests/gui/main.rs::figures_of_real_traffic_show_live` |
//! | roles: who may only look | `tests/gui/commands.rs::a_viewer_sees_everything_and_is_told_why_nothing_can_be_done`, `tests/gui/endpoints.rs::who_may_only_look_is_not_offered_to_drain` |
//! | a token that is no longer known | `tests/gui/session.rs::a_token_that_is_removed_leads_to_signing_in_and_back_to_the_same_page` |
//! | any screen, any colours | `tests/gui/main.rs::every_page_fits_every_screen_and_asks_nobody_else`, `tests/gui/display.rs::on_a_screen_of_3840_pixels_lines_stay_readable_and_the_frame_holds_together`, `tests/gui/display.rs::forced_colours_leave_every_sign_to_be_seen`, `tests/gui/commands.rs::theme_and_motion_are_the_readers_choice` |
//! | accessibility | `tests/gui/accessibility.rs::no_page_breaks_a_rule_of_accessibility`, `tests/gui/accessibility.rs::no_dialog_breaks_a_rule_of_accessibility` |

use std::fs;

use tidy::root;

#[test]
fn every_promise_names_tests_that_exist() {
    let page = include_str!("promises.rs").lines().map_while(|line| line.strip_prefix("//!"));
    let text: String = page.collect();
    let quoted: Vec<&str> = text.split('`').skip(1).step_by(2).collect();
    let named: Vec<(&str, &str)> = quoted.iter().filter_map(|word| word.split_once("::")).collect();
    assert!(named.len() >= 30, "{named:?}");
    for (file, function) in named {
        let path = root().join(file);
        let source = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
        let test = format!("#[test]\nfn {function}()");
        assert!(source.contains(&test), "{file} has no test `{function}`");
    }
    let complaints = text.matches("| `tests/").count();
    assert!(complaints >= 44, "{complaints} rows name a test");
}
