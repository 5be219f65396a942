// The past as the router has it, as samples for the charts: a tab that was just opened shows what came before it. Pure but for `createPastFeed`.

import { releaseId } from './release.js';
import { Series } from './series.js';

// The router counts by the minute.
const AGAIN_MS = 60_000;

/**
 * The samples `{at, stable, candidate}` of a past for the releases that are on the tracks now. A step without a request has a rate of 0; what
 * the router does not know is left out.
 */
export function samplesOf(past, { stable, candidate }) {
	const steps = [stable, candidate].map((release) => stepsOf(past, releaseId(release)));
	const span = past.step_seconds * 1000;
	const samples = [];
	for (let at = past.from; at < past.until; at += span) {
		if (at + span <= past.known_since) continue;
		const [a, b] = steps.map((known) => known && activityOf(known.get(at), past.step_seconds));
		samples.push({ at, stable: a, candidate: b });
	}
	return samples;
}

/** How long the answers of the releases took that are on the tracks now: buckets, or null. */
export function latencyOf(past, { stable, candidate }) {
	const of = (release) => past?.releases.find((each) => each.id === releaseId(release))?.latency ?? null;
	return { stable: of(stable), candidate: of(candidate) };
}

/** How many answers of each class of status those releases gave: 1xx to 5xx, or null. */
export function statusesOf(past, { stable, candidate }) {
	const of = (release) => {
		const steps = past?.releases.find((each) => each.id === releaseId(release))?.steps;
		return steps ? [0, 1, 2, 3, 4].map((at) => steps.reduce((sum, { statuses }) => sum + statuses[at], 0)) : null;
	};
	return { stable: of(stable), candidate: of(candidate) };
}

function stepsOf(past, id) {
	const release = past.releases.find((each) => each.id === id);
	return release ? new Map(release.steps.map((step) => [step.at, step])) : null;
}

function activityOf(step, seconds) {
	if (!step) return { requests_per_second: 0 };
	return { ...step, requests_per_second: step.requests / seconds, error_share: step.requests ? step.statuses[4] / step.requests : 0 };
}

/**
 * Loads the past of an app. `fill(state)` puts the last minutes before what the page saw itself, once; `series(seconds, state)` is a longer
 * past, loaded again each minute while it is asked for, or null until it is there; `latency(seconds, state)` is how long answers took in it,
 * `statuses(seconds, state)` of which class they were.
 */
export function createPastFeed({ api, model, app }) {
	let isFilled = false;
	let loaded = { seconds: 0, at: 0, past: null };
	let isLoading = false;

	async function load(seconds) {
		isLoading = true;
		const past = await api.getPast(app, seconds).catch(() => null);
		isLoading = false;
		loaded = { seconds, at: Date.now(), past };
		model.notifyListeners();
	}

	function pastOf(seconds) {
		if (!isLoading && (loaded.seconds !== seconds || Date.now() - loaded.at > AGAIN_MS)) load(seconds);
		return loaded.seconds === seconds ? loaded.past : null;
	}

	return {
		async fill() {
			if (isFilled) return;
			isFilled = true;
			const past = await api.getPast(app, 900).catch(() => null);
			const state = model.app(app);
			if (past && state) model.series(app)?.prepend(samplesOf(past, state));
			model.notifyListeners();
		},
		series(seconds, state) {
			const known = pastOf(seconds);
			if (!known) return null;
			const samples = samplesOf(known, state);
			const series = new Series(samples.length + 1);
			series.prepend(samples);
			return series;
		},
		latency: (seconds, state) => latencyOf(pastOf(seconds), state),
		statuses: (seconds, state) => statusesOf(pastOf(seconds), state),
	};
}
