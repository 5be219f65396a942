// Each command as its dialog needs it: what the dialog says, and what is sent when it is confirmed. See `components/confirm.js`
// for the shape. `context` is `{api, store, sendCommand, dryRun}`.

import * as advice from './advice.js';
import { hasApproved } from './approval-words.js';
import { describeHalt } from './halt-words.js';
import { drainBody, lockBody, pauseBody, rollbackBody, stopBody } from './components/command-bodies.js';
import { releasePicker } from './components/release-picker.js';
import { startBody } from './components/start-body.js';
import { duration, percent } from './format.js';
import { planNames } from './plan-words.js';
import { appHref } from './page-address.js';
import { namesIn, releaseId, releaseName, releasesOf } from './release.js';

export function promote({ api, model, sendCommand, dryRun }, app) {
	return {
		app,
		dryRun: () => dryRun(app, { command: 'promote' }),
		mayForce: true,
		nameToType: (state) => (advice.judge(state)?.tone === 'bad' ? releaseName(state.candidate) : null),
		describe: (state) => (state.candidate ? describePromote(state) : { impossible: 'There is no candidate to promote.' }),
		send: ({ seq, reason, force }) => {
			const { candidate } = model.app(app);
			const send = () => api.promote(app, { release: candidate.id, reason, force }, seq);
			return sendCommand(app, `Promote ${releaseName(candidate)}`, send);
		},
	};
}

function describePromote(state) {
	return {
		title: `Promote ${releaseName(state.candidate)} to stable, in place of ${releaseName(state.stable)}?`,
		submit: `Promote ${releaseName(state.candidate)}`,
		// Green is for what the verdict does not speak against.
		tone: advice.judge(state)?.tone === 'bad' ? 'stop' : 'go',
		...advice.promoteAdvice(state),
	};
}

export function abort({ api, model, sendCommand, dryRun }, app) {
	return {
		app,
		dryRun: () => dryRun(app, { command: 'abort' }),
		mayBeLocal: true,
		describe: (state) => (state.candidate ? describeAbort(state) : { impossible: 'There is no candidate to abort.' }),
		send: ({ seq, reason, local }) => {
			const { candidate } = model.app(app);
			const send = () => api.abort(app, { release: candidate.id, reason, local }, seq);
			return sendCommand(app, `Abort ${releaseName(candidate)}`, send);
		},
	};
}

function describeAbort(state) {
	return {
		title: `Abort ${releaseName(state.candidate)} and stay with ${releaseName(state.stable)}?`,
		submit: `Abort ${releaseName(state.candidate)}`,
		tone: 'stop',
		...advice.abortAdvice(state),
	};
}

/** `to` is the id of the release that is offered first, or null. */
export function rollback({ api, model, sendCommand, dryRun }, app, to = null) {
	return {
		app,
		body: rollbackBody({ state: model.app(app), to, history: api.getHistory(app, { limit: 200 }) }),
		dryRun: async ({ target }) => (target ? dryRun(app, { command: 'rollback', to: releaseId(target) }) : null),
		mayForce: true,
		describe: (state, { target, fate }) => describeRollback(state, target, fate),
		send: ({ seq, reason, force, values: { target } }) => {
			const send = () => api.rollback(app, { to: releaseId(target), reason, force }, seq);
			return sendCommand(app, `Roll back to ${releaseName(target)}`, send);
		},
	};
}

function describeRollback(state, target, fate) {
	if (!target) return { title: 'Roll back', submit: 'Roll back', tone: 'stop', impossible: 'Choose a release to roll back to.' };
	return {
		title: `Roll back from ${releaseName(state.stable)} to ${releaseName(target)}?`,
		submit: `Roll back to ${releaseName(target)}`,
		tone: 'stop',
		...advice.rollbackAdvice(state, target, fate),
	};
}

/** Puts a release on `track`, which is `stable` or `candidate`. `first` is the id of the release that is offered first, or null. */
export function setTrack({ api, model, sendCommand }, app, track, first = null) {
	const isStable = track === 'stable';
	return {
		app,
		body: releasePicker({ releases: api.listReleases(app), history: api.getHistory(app, { limit: 200 }), track, first }),
		mayForce: isStable,
		describe: (state, { release, fate }) => describeTrack(state, track, release, fate),
		send: ({ seq, reason, force, values: { release, body } }) => {
			const { candidate } = model.app(app);
			const options = isStable ? { force } : candidate ? { replace: candidate.id } : {};
			const set = isStable ? api.setStable : api.setCandidate;
			const label = `${isStable ? 'Stable' : 'Candidate'} ${releaseName(release)}`;
			return sendCommand(app, label, () => set(app, { ...body, ...options, reason }, seq));
		},
	};
}

/** Puts a release on the empty track of the candidate, after a look at its endpoints if the reader wants one. */
export function startRelease({ api, model, sendCommand }, app) {
	const [releases, history] = [api.listReleases(app), api.getHistory(app, { limit: 200 })];
	return {
		app,
		body: startBody({
			picker: releasePicker({ releases, history, track: 'candidate' }),
			plans: planNames(model.app(app).settings?.plans),
			test: (release, endpoints) => api.testEndpoints(app, release, { endpoints }),
		}),
		describe: (state, { release, fate, begin }) => describeStart(state, release, fate, begin),
		send: async ({ seq, reason, values: { release, body, begin } }) => {
			const { preview, ...share } = begin;
			const send = () => api.setCandidate(app, { ...body, ...share, reason }, seq);
			await sendCommand(app, `Start ${releaseName(release)}`, send);
			if (preview) location.hash = appHref(app, 'previews');
		},
	};
}

function describeStart(state, release, fate, begin) {
	if (state.candidate) return { impossible: `${releaseName(state.candidate)} is the candidate already.` };
	if (!release) return { title: 'Start a release', submit: 'Start', tone: 'primary' };
	return {
		title: `Start ${releaseName(release)}, beside stable ${releaseName(state.stable)}`,
		submit: `Start ${releaseName(release)}`,
		tone: 'primary',
		...advice.candidateAdvice(state, findRouted(state, release), fate, begin),
	};
}

function describeTrack(state, track, release, fate) {
	const title = track === 'stable' ? 'Choose the stable release' : 'Choose the candidate';
	const now = `(now ${releaseName(state[track])})`;
	if (!release) return { title: `${title} ${now}`, submit: 'Set', tone: 'primary' };
	const advise = track === 'stable' ? advice.stableAdvice : advice.candidateAdvice;
	return {
		title: `${title}: ${releaseName(release)} ${now}`,
		submit: `Set ${releaseName(release)}`,
		tone: 'primary',
		...advise(state, findRouted(state, release), fate),
	};
}

/** The release as the state has it, with health and figures, when the state has it. */
function findRouted(state, release) {
	const routed = [state.stable, state.candidate, state.previous, ...(state.draining ?? [])];
	return routed.find((each) => each?.endpoints && releaseId(each) === release.id) ?? release;
}

export function toggleSticky({ api, model, sendCommand }, app) {
	return {
		app,
		describe: (state) => (state.sticky ? describeStickyOff(state) : describeStickyOn(state)),
		send: ({ seq, reason }) => {
			const sticky = !model.app(app).sticky;
			return sendCommand(app, `Sticky ${sticky ? 'on' : 'off'}`, () => api.setSticky(app, { sticky, reason }, seq));
		},
	};
}

function describeStickyOff({ app, stable, candidate }) {
	const [one, other] = [releaseName(stable), releaseName(candidate)];
	return {
		title: `Stop pinning clients of ${app}?`,
		submit: 'Turn sticky off',
		tone: 'stop',
		effects: [`Every request is drawn anew, for ${one} or ${other}, so clients may bounce between them.`],
		warnings: candidate ? ['There is a candidate: a page may then load parts of both releases.'] : [],
	};
}

function describeStickyOn({ app, stable, candidate }) {
	return {
		title: `Pin the clients of ${app} again?`,
		submit: 'Turn sticky on',
		tone: 'primary',
		effects: [`Each client keeps the release that is drawn for it: ${releaseName(stable)} or ${releaseName(candidate)}.`],
	};
}

export function approve({ api, model, sendCommand }, app) {
	return {
		app,
		describe: (state) => (state.candidate ? describeApprove(state, model.facts.who) : { impossible: 'There is no candidate to approve.' }),
		send: ({ seq, reason }) => {
			const { candidate } = model.app(app);
			const send = () => api.approve(app, { release: candidate.id, reason }, seq);
			return sendCommand(app, `Approve ${releaseName(candidate)}`, send);
		},
	};
}

function describeApprove(state, who) {
	return {
		title: `Approve ${releaseName(state.candidate)} to become stable, in place of ${releaseName(state.stable)}?`,
		submit: `Approve ${releaseName(state.candidate)}`,
		tone: 'go',
		...advice.approveAdvice(state),
		impossible: hasApproved(state, who) ? 'You have approved it already.' : null,
	};
}

export function withdrawApproval({ api, model, sendCommand }, app) {
	return {
		app,
		describe: (state) => describeWithdraw(state, model.facts.who),
		send: ({ seq, reason }) => {
			const { candidate } = model.app(app);
			const send = () => api.withdrawApproval(app, { release: candidate.id, reason }, seq);
			return sendCommand(app, `Take the approval of ${releaseName(candidate)} back`, send);
		},
	};
}

function describeWithdraw(state, who) {
	if (!hasApproved(state, who)) return { impossible: 'Your approval does not count any more.' };
	return {
		title: `Take your approval of ${releaseName(state.candidate)} back (stable is ${releaseName(state.stable)})?`,
		submit: 'Take back',
		tone: 'stop',
		...advice.withdrawAdvice(state),
	};
}

export function pause({ api, sendCommand }, app) {
	return {
		app,
		body: pauseBody(),
		describe: () => ({
			title: `Pause ${app}?`,
			submit: 'Pause',
			tone: 'stop',
			effects: ['Requests wait until the app is resumed. Open sockets and requests under way go on.', 'No client moves.'],
		}),
		send: ({ seq, reason, values }) => sendCommand(app, 'Pause', () => api.pause(app, { ...values, reason }, seq)),
	};
}

export function stopApp({ api, sendCommand }, app) {
	return {
		app,
		body: stopBody(),
		describe: () => ({
			title: `Stop ${app}?`,
			submit: 'Stop',
			tone: 'stop',
			effects: ['Every request gets 503 and a page until the app is resumed. Testers still reach it.', 'No client moves.'],
		}),
		send: ({ seq, reason, values }) => sendCommand(app, 'Stop', () => api.stopApp(app, { ...values, reason }, seq)),
	};
}

export function resume({ api, sendCommand }, app) {
	return {
		app,
		describe: (state) => ({
			title: `Resume ${app}?`,
			submit: 'Resume',
			tone: 'primary',
			effects: ['Requests go on, those that wait first.'],
			warnings: state.halt ? [`The app is ${describeHalt(state.halt)}.`] : [],
			impossible: state.halt ? null : 'Requests of the app go on already.',
		}),
		send: ({ seq, reason }) => sendCommand(app, 'Resume', () => api.resume(app, { reason }, seq)),
	};
}

export function startPlan({ api, sendCommand }, app, plan) {
	return {
		app,
		describe: (state) => ({
			title: `Start plan ${plan} for ${releaseName(state.candidate)}?`,
			submit: 'Start plan',
			tone: 'primary',
			effects: [
				'The blend rises step by step while the verdict is that the candidate is no worse than stable.',
				'A candidate that is worse is aborted, unless the settings say otherwise.',
			],
			impossible: state.candidate ? null : 'There is no candidate.',
		}),
		send: ({ seq, reason }) => sendCommand(app, `Start plan ${plan}`, () => api.startPlan(app, { plan, reason }, seq)),
	};
}

export const pausePlan = changePlan('pause', 'Pause plan', 'stop', 'The blend stays until the plan is resumed.');
export const resumePlan = changePlan('resume', 'Resume plan', 'primary', 'The time of its step begins anew.');
export const approvePlanStep = changePlan('approve', 'Approve step', 'primary', 'The plan goes on once all else that it waits for is so.');
export const skipPlanStep = changePlan('skip', 'Skip step', 'stop', 'The next step begins now, whatever this one waits for.');

export function stopPlan({ api, sendCommand }, app) {
	return {
		app,
		describe: (state) => ({
			title: `End plan ${state.plan?.name ?? ''}?`,
			submit: 'End plan',
			tone: 'stop',
			effects: [`The blend stays at ${percent(state.blend)}.`],
			impossible: state.plan ? null : 'No plan runs any more.',
		}),
		send: ({ seq, reason }) => sendCommand(app, 'End plan', () => api.stopPlan(app, { reason }, seq)),
	};
}

// The dialog of a command about the plan that runs; `skip` names the step that was seen.
function changePlan(verb, label, tone, effect) {
	return ({ api, model, sendCommand }, app) => ({
		app,
		describe: (state) => ({
			title: `${label} of ${app}?`,
			submit: label,
			tone,
			effects: [effect],
			impossible: state.plan ? null : 'No plan runs any more.',
		}),
		send: ({ seq, reason }) => {
			const step = verb === 'skip' ? { step: model.app(app)?.plan?.step } : {};
			return sendCommand(app, label, () => api.changePlan(app, verb, { ...step, reason }, seq));
		},
	});
}

export function lock({ api, sendCommand }, app) {
	return {
		app,
		body: lockBody(),
		needsReason: true,
		describe: (state) => ({
			title: `Lock ${app} at stable ${releaseName(state.stable)}, candidate ${releaseName(state.candidate)}?`,
			submit: 'Lock',
			tone: 'primary',
			effects: [
				'Until the lock ends, CI can only abort. Every other command of CI is refused with your reason. Operators can still act.',
				'No client moves.',
			],
		}),
		send: ({ seq, reason, values }) => sendCommand(app, 'Lock', () => api.lock(app, { reason, until: values.until() }, seq)),
	};
}

function unlockEffect({ lock, lock_queue: queue }) {
	const next = queue?.length ? `${queue[0].by} has waited for the lock and gets it.` : 'CI can act again at once.';
	return lock?.holder ? `The run ${lock.holder} of ${lock.by} loses its lock. ${next}` : next;
}

export function unlock({ api, sendCommand }, app) {
	return {
		app,
		describe: (state) => ({
			title: `Unlock ${app} (stable ${releaseName(state.stable)}, candidate ${releaseName(state.candidate)})?`,
			submit: 'Unlock',
			tone: 'primary',
			effects: [unlockEffect(state), 'No client moves.'],
			warnings: state.lock ? [`${state.lock.by} locked the app: “${namesIn(state.lock.reason, app)}”.`] : [],
			impossible: state.lock ? null : 'The app is no longer locked.',
		}),
		send: ({ seq }) => sendCommand(app, 'Unlock', () => api.unlock(app, undefined, seq)),
	};
}

export function finishDrain({ api, model, sendCommand }, app, tenure) {
	const find = (state) => (state.draining ?? []).find((release) => release.tenure === tenure);
	return {
		app,
		describe: (state) => describeFinish(state, find(state)),
		send: ({ seq, reason }) => {
			const label = `Finish draining ${releaseName(find(model.app(app)))}`;
			return sendCommand(app, label, () => api.finishDrain(app, tenure, { reason }, seq));
		},
	};
}

function describeFinish(state, release) {
	if (!release) return { impossible: 'This release is no longer draining.' };
	return {
		title: `Finish draining ${releaseName(release)} now?`,
		submit: 'Finish now',
		tone: 'stop',
		...advice.finishDrainAdvice(state, release),
	};
}

export function finishDrains({ api, sendCommand }, app) {
	return {
		app,
		describe: (state) => (state.draining?.length ? describeFinishAll(state) : { impossible: 'No release is draining any more.' }),
		send: ({ seq, reason }) => sendCommand(app, 'Finish every drain', () => api.finishDrains(app, { reason }, seq)),
	};
}

function describeFinishAll(state) {
	return {
		title: `Finish draining ${state.draining.map(releaseName).join(', ')} now?`,
		submit: 'Finish all now',
		tone: 'stop',
		...advice.finishDrainsAdvice(state),
	};
}

/** Drains the endpoint at `address` of the release with this id. */
export function drainEndpoint({ api, model, sendCommand }, app, id, address) {
	const seconds = model.app(app)?.settings?.drainmaxseconds ?? 3600;
	const describe = (state, release, endpoint) => ({
		title: `Drain ${address} of ${releaseName(release)}?`,
		submit: `Drain ${address}`,
		tone: 'stop',
		...advice.drainEndpointAdvice(state, release, endpoint),
		impossible: endpoint.draining ? 'This endpoint is already draining.' : null,
	});
	return {
		app,
		body: drainBody(duration(seconds)),
		mayForce: true,
		describe: (state) => describeEndpoint(state, id, address, describe),
		send: ({ seq, reason, force, values }) => {
			const send = () => api.drainEndpoint(app, id, address, { reason, force, seconds: values.seconds }, seq);
			return sendCommand(app, `Drain ${address}`, send);
		},
	};
}

/** Ends the drain of an endpoint, so that it serves again. */
export function liftDrain({ api, sendCommand }, app, id, address) {
	const describe = (state, release, endpoint) => ({
		title: `Let ${address} of ${releaseName(release)} take requests again?`,
		submit: `Lift the drain of ${address}`,
		tone: 'primary',
		effects: ['It gets its share of new clients again at once. No client moves.'],
		impossible: endpoint.draining ? null : 'This endpoint is no longer draining.',
	});
	return {
		app,
		describe: (state) => describeEndpoint(state, id, address, describe),
		send: ({ seq, reason }) => sendCommand(app, `Lift the drain of ${address}`, () => api.liftDrain(app, id, address, { reason }, seq)),
	};
}

function describeEndpoint(state, id, address, describe) {
	const release = releasesOf(state).find((each) => each.id === id);
	const endpoint = release?.endpoints.find((each) => each.address === address);
	if (!endpoint) return { impossible: `${address} is no longer an endpoint of ${releaseName(id)}.` };
	return describe(state, release, endpoint);
}
