// What a command does to clients, and what speaks against it, in sentences. Pure: it takes the state of an app and gives lists of
// sentences. It repeats what the router alone decides and enforces (docs/design.md sections 4 and 7).
//
// An advice is `{effects, moves?, warnings}`. `moves` says by rule which clients go where; the router's dry run says the same in
// numbers and replaces it.

import { describeFate } from './describe.js';
import { count, duration, plural } from './format.js';
import { freezeWarnings } from './freeze-words.js';
import { health, namesIn, releaseId, releaseName } from './release.js';
import { beginEffect } from './start-words.js';

// What is said before the router has looked at a candidate for the first time.
const UNJUDGED = 'Undecided: nobody has looked at the candidate yet.';

const setting = (state, name, fallback) => state.settings?.[name] ?? fallback;

function pinnedClients(release) {
	const pinned = release?.activity?.pinned;
	return `${typeof pinned === 'number' ? plural(pinned, 'client') : 'Clients'} pinned to ${releaseName(release)}`;
}

export function promoteAdvice(state) {
	const candidate = releaseName(state.candidate);
	const drain = duration(setting(state, 'drainseconds', 300));
	const most = duration(setting(state, 'drainmaxseconds', 3600));
	const moves = [`${pinnedClients(state.candidate)} stay there.`];
	if (state.stable) {
		moves.push(`${pinnedClients(state.stable)} keep it while it drains: until the first page they open after ${drain}, at most ${most}.`);
	}
	return {
		effects: [`${candidate} becomes stable. The blend returns to 0 % and there is no candidate any more.`],
		moves,
		warnings: [
			...releaseWarnings(state.candidate),
			...comparisonWarnings(state),
			...(state.blend === 0 ? ['The blend is 0 %: no new client is sent to the candidate.'] : []),
			...appWarnings(state),
		],
	};
}

export function approveAdvice(state) {
	const { given = [], needed = 0 } = state.candidate.approvals ?? {};
	const addresses = (state.candidate.endpoints ?? []).map(({ address }) => address);
	const enough = needed && given.length + 1 >= needed ? 'It may become stable then' : 'It needs more before it may become stable';
	return {
		effects: [
			`Yours is approval ${given.length + 1} of ${needed}. ${enough}. No client moves.`,
			`It counts for ${addresses.length ? addresses.join(', ') : 'the endpoints that it has now'}, and ends when another endpoint comes.`,
		],
		warnings: [...releaseWarnings(state.candidate), ...comparisonWarnings(state), ...appWarnings(state)],
	};
}

export function withdrawAdvice(state) {
	const { missing = 0 } = state.candidate.approvals ?? {};
	const wait = `${releaseName(state.candidate)} then waits for ${plural(missing + 1, 'approval')}`;
	return { effects: [`${wait} before it becomes stable. No client moves.`], warnings: [] };
}

export function abortAdvice(state) {
	const [stable, candidate] = [releaseName(state.stable), releaseName(state.candidate)];
	const abort = duration(setting(state, 'abortseconds', 10));
	return {
		effects: [`${candidate} is dropped and the blend returns to 0 %. Open sockets to ${candidate} end within ${abort}.`],
		moves: [`${pinnedClients(state.candidate)} go to ${stable} at once. Clients on ${stable} stay.`],
		warnings: [...releaseWarnings(state.stable), ...problemWarnings(state)],
	};
}

export function finishDrainAdvice(state, release) {
	const { open_requests: requests = 0, open_sockets: sockets = 0 } = release.activity ?? {};
	const abort = duration(setting(state, 'abortseconds', 10));
	return {
		effects: [`${pinnedClients(release)} go to ${releaseName(state.stable)} at once. Its endpoints can then be stopped.`],
		warnings: requests + sockets ? [`${plural(requests, 'open request')} and ${plural(sockets, 'open socket')} end within ${abort}.`] : [],
	};
}

/** The same for every draining release at once. */
export function finishDrainsAdvice(state) {
	const each = (state.draining ?? []).map((release) => finishDrainAdvice(state, release));
	return {
		effects: [...new Set(each.flatMap(({ effects }) => effects))],
		warnings: [...new Set(each.flatMap(({ warnings }) => warnings))],
	};
}

export function drainEndpointAdvice(state, release, endpoint) {
	const { in_flight: open = 0, open_sockets: sockets = 0 } = endpoint;
	const name = releaseName(release);
	const others = release.endpoints.filter((other) => other !== endpoint && !other.draining && other.healthy !== false);
	const requests = plural(Math.max(open - sockets, 0), 'request');
	const end = 'until it ends by itself or the time of the drain is over';
	return {
		effects: [
			`${endpoint.address} gets no new requests. Its clients go on at ${plural(others.length, 'other endpoint')} of ${name}; no client changes its release.`,
			`What is open at this router (${requests}, ${plural(sockets, 'socket')}) goes on ${end}. This page says when the endpoint can be stopped.`,
		],
		warnings: others.length === 0 ? [`No other endpoint of ${name} is serving.`] : [],
	};
}

/** `target` is the release to go back to: an object or an id; `fate` is how its last stay ended, if badly. */
export function rollbackAdvice(state, target, fate = null) {
	const [stable, name, id] = [releaseName(state.stable), releaseName(target), releaseId(target)];
	const routed = [state.previous, state.candidate, ...(state.draining ?? [])].find((release) => release && releaseId(release) === id);
	const effects = [`${name} becomes stable. CI is locked out until the next command of an operator.`];
	const moves = [`All clients of ${stable} go to ${name} at once, pinned clients too. Clients on ${name} stay.`];
	if (state.candidate && releaseId(state.candidate) !== id) {
		const candidate = releaseName(state.candidate);
		effects.push(`The candidate ${candidate} is dropped.`);
		moves.push(`Clients of ${candidate} go to ${name} too.`);
	}
	return {
		effects,
		moves,
		warnings: [...fateWarnings(name, fate), ...(routed?.endpoints ? releaseWarnings(routed) : []), ...appWarnings(state)],
	};
}

export function candidateAdvice(state, next, fate = null, begin = { blend: 0 }) {
	const effects = [beginEffect(releaseName(next), begin)];
	if (state.candidate && releaseId(state.candidate) !== releaseId(next)) {
		effects.push(`The candidate ${releaseName(state.candidate)} is dropped; its clients go to ${releaseName(state.stable)} at once.`);
	}
	return { effects, warnings: [...fateWarnings(releaseName(next), fate), ...releaseWarnings(next), ...appWarnings(state)] };
}

export function stableAdvice(state, next, fate = null) {
	const name = releaseName(next);
	if (!state.stable) return { effects: [`${name} serves all clients.`], warnings: releaseWarnings(next) };
	if (state.candidate && releaseId(state.candidate) === releaseId(next)) {
		const { effects, moves, warnings } = promoteAdvice(state);
		return { effects: [...effects, `All new clients go to ${name}.`, ...moves], warnings };
	}
	return {
		effects: [
			`All new clients go to ${name} at once, without a blend.`,
			`Clients pinned to ${releaseName(state.stable)} keep it while it drains.`,
		],
		warnings: [
			...fateWarnings(name, fate),
			'This skips the candidate: nobody has compared the release with stable.',
			...releaseWarnings(next),
			...appWarnings(state),
		],
	};
}

const fateWarnings = (name, fate) => (fate ? [`${name} was ${describeFate(fate, Date.now())}.`] : []);

/** Says which endpoints of a release do not serve. */
export function releaseWarnings(release) {
	if (!release) return [];
	const name = releaseName(release);
	const { endpoints } = release;
	// A list of releases gives a count instead of the endpoints.
	if (!Array.isArray(endpoints)) return endpoints === 0 ? [`${name} has no endpoints.`] : [];
	const { all, failing } = health(release);
	if (all === 0) return [`${name} has no endpoints.`];
	if (failing.length === 0) return [];
	const list = failing.map(({ address, detail }) => (detail ? `${address} (${detail})` : address)).join(', ');
	if (failing.length === all) return [`No endpoint of ${name} is serving: ${list}.`];
	return [`${failing.length} of ${all} endpoints of ${name} ${failing.length === 1 ? 'is' : 'are'} not serving: ${list}.`];
}

/**
 * The router's verdict about the candidate, in its own words, and what else speaks against it: `{word, tone, text}`, or null without a
 * candidate. `tone` is `bad`, `warn`, `good` or `open`. The banner, the dialogs and the overview all have it from here.
 */
export function judge({ candidate, verdict: judged }) {
	if (!candidate) return null;
	const others = releaseWarnings(candidate);
	const text = [...others, judged?.sentence ?? UNJUDGED].join(' ');
	if (judged?.verdict === 'worse') return { word: '⚠ Worse:', tone: 'bad', text };
	if (isAlarming(judged) || others.length) return { word: '⚠ Look:', tone: 'warn', text };
	if (isGood(judged)) return { word: judged.verdict === 'better' ? '✓ Better:' : '✓ No worse:', tone: 'good', text };
	return { word: '… Undecided:', tone: 'open', text };
}

const isAlarming = (judged) => Boolean(judged && (judged.verdict === 'worse' || judged.slower || judged.warning || judged.shared_dependency));
const isGood = (judged) => judged?.verdict === 'no-worse' || judged?.verdict === 'better';

function comparisonWarnings({ candidate, verdict: judged }) {
	if (!candidate || (isGood(judged) && !isAlarming(judged))) return [];
	return [judged?.sentence ?? UNJUDGED];
}

function appWarnings(state) {
	const { app, lock } = state;
	const locked = lock ? [`The app is locked by ${lock.by}: “${namesIn(lock.reason, app)}”.`] : [];
	return [...locked, ...freezeWarnings(state), ...problemWarnings(state)];
}

function problemWarnings({ problems }) {
	if (!problems?.length) return [];
	const some = problems.length === 1 ? '1 keyvalue of the app is' : `${count(problems.length)} keyvalues of the app are`;
	return [`${some} invalid: see Problems.`];
}
