// What the reader can do to an app: confirmed first, sent with the seq it was confirmed at, followed until it is served.

import {
	abortAdvice,
	candidateAdvice,
	drainEndpointAdvice,
	finishDrainAdvice,
	finishDrainsAdvice,
	promoteAdvice,
	rollbackAdvice,
	stableAdvice,
} from './advice.js';
import { confirmCommand } from './components/confirm.js';
import { drainBody, lockBody, rollbackBody } from './components/command-bodies.js';
import { releasePicker } from './components/release-picker.js';
import { ApiError } from './api.js';
import { duration, percent } from './format.js';
import { releaseId, releaseName, releasesOf } from './release.js';

/** The actions over an api and a store; `notices` shows their progress. */
export function createActions({ api, store, notices, onTrouble = () => {} }) {
	const flights = new Map();
	const ask = (command) => confirmCommand(store, command);

	async function refresh(app) {
		try {
			store.take(await api.app(app));
		} catch (error) {
			if (error.status === 404) store.forget(app);
		}
	}

	/** Sends, and tells how it goes. Throws what the router refused, after saying it. */
	async function run(app, label, send) {
		const notice = notices.post({ text: `${label} …`, busy: true });
		flights.set(app, (flights.get(app) ?? 0) + 1);
		try {
			const answer = await send();
			store.take(answer);
			notice.update({ text: `${label}: ${outcome(answer)}`, tone: 'done' });
			return answer;
		} catch (error) {
			if (!(error instanceof ApiError)) throw error;
			notice.update({
				text: `${label}: ${error.status ? 'not done. ' : ''}${error.status === 412 ? 'The app has changed meanwhile.' : error.message}`,
				tone: 'bad',
			});
			if (error.status === 412) await refresh(app);
			else if (error.status >= 500) onTrouble();
			throw error;
		} finally {
			flights.set(app, flights.get(app) - 1);
		}
	}

	/** Who would move; `force`, since whether the release serves is said elsewhere and must not hide it. */
	const whoMoves = (app, body) => api.whoMoves(app, body.command === 'blend' ? body : { ...body, force: true });

	/** Sets the blend at once; refusals are told, never thrown. Gives the seq known then. */
	async function blend(app, target, seq) {
		const release = releaseId(store.app(app)?.candidate);
		await run(app, `Blend ${percent(target)}`, () => api.blend(app, { percent: target, release }, seq)).catch(() => {});
		return store.app(app)?.seq;
	}

	function promote(app) {
		ask({
			app,
			foretell: () => whoMoves(app, { command: 'promote' }),
			mayForce: true,
			describe: (state) =>
				state.candidate
					? {
							title: `Promote ${releaseName(state.candidate)} to stable, in place of ${releaseName(state.stable)}?`,
							submit: `Promote ${releaseName(state.candidate)}`,
							tone: 'go',
							...promoteAdvice(state),
						}
					: { impossible: 'There is no candidate to promote.' },
			send: ({ seq, reason, force }) => {
				const { candidate } = store.app(app);
				return run(app, `Promote ${releaseName(candidate)}`, () => api.promote(app, { release: candidate.id, reason, force }, seq));
			},
		});
	}

	function abort(app) {
		ask({
			app,
			foretell: () => whoMoves(app, { command: 'abort' }),
			describe: (state) =>
				state.candidate
					? {
							title: `Abort ${releaseName(state.candidate)} and stay with ${releaseName(state.stable)}?`,
							submit: `Abort ${releaseName(state.candidate)}`,
							tone: 'stop',
							...abortAdvice(state),
						}
					: { impossible: 'There is no candidate to abort.' },
			send: ({ seq, reason }) => {
				const { candidate } = store.app(app);
				return run(app, `Abort ${releaseName(candidate)}`, () => api.abort(app, { release: candidate.id, reason }, seq));
			},
		});
	}

	function rollback(app, to = null) {
		const body = rollbackBody({ state: store.app(app), to, history: api.history(app, { limit: 200 }) });
		ask({
			app,
			body,
			foretell: async ({ target }) => (target ? whoMoves(app, { command: 'rollback', to: releaseId(target) }) : null),
			mayForce: true,
			describe: (state, { target }) =>
				target
					? {
							title: `Roll back from ${releaseName(state.stable)} to ${releaseName(target)}?`,
							submit: `Roll back to ${releaseName(target)}`,
							tone: 'stop',
							...rollbackAdvice(state, target),
						}
					: { title: 'Roll back', submit: 'Roll back', tone: 'stop', impossible: 'Choose a release to roll back to.' },
			send: ({ seq, reason, force, values }) =>
				run(app, `Roll back to ${releaseName(values.target)}`, () =>
					api.rollback(app, { to: releaseId(values.target), reason, force }, seq),
				),
		});
	}

	/** `wanted` is the id of the release that is offered first. */
	function choose(app, track, wanted = null) {
		const title = track === 'stable' ? 'Choose the stable release' : 'Choose the candidate';
		const advise = (state, release) => (track === 'stable' ? stableAdvice(state, release) : candidateAdvice(state, release, 0));
		ask({
			app,
			body: releasePicker({ releases: api.releases(app), track, wanted }),
			describe: (state, { release }) => {
				const other = releaseName(state[track]);
				if (!release) return { title: `${title} (now ${other})`, submit: 'Set', tone: 'primary' };
				return {
					title: `${title}: ${releaseName(release)} (now ${other})`,
					submit: `Set ${releaseName(release)}`,
					tone: 'primary',
					...advise(state, known(state, release)),
				};
			},
			send: ({ seq, reason, force, values }) => {
				const { candidate } = store.app(app);
				const replace = track === 'candidate' && candidate ? { replace: candidate.id } : {};
				return run(app, `${track === 'stable' ? 'Stable' : 'Candidate'} ${releaseName(values.release)}`, () =>
					api[track](app, { ...values.body, ...replace, reason }, seq),
				);
			},
		});
	}

	function sticky(app) {
		ask({
			app,
			describe: ({ sticky: on, stable, candidate }) => ({
				title: on ? `Stop pinning clients of ${app}?` : `Pin the clients of ${app} again?`,
				submit: on ? 'Turn sticky off' : 'Turn sticky on',
				tone: on ? 'stop' : 'primary',
				happens: [
					on
						? `Every request draws anew between ${releaseName(stable)} and ${releaseName(candidate)}: clients may bounce between them.`
						: `Clients keep the release they draw: ${releaseName(stable)} or ${releaseName(candidate)}.`,
				],
				against: on && candidate ? ['A candidate stands: a page may then load parts of both releases.'] : [],
			}),
			send: ({ seq, reason }) => {
				const on = !store.app(app).sticky;
				return run(app, `Sticky ${on ? 'on' : 'off'}`, () => api.sticky(app, { sticky: on, reason }, seq));
			},
		});
	}

	function lock(app) {
		ask({
			app,
			body: lockBody(),
			reasonNeeded: true,
			describe: (state) => ({
				title: `Lock ${app} at stable ${releaseName(state.stable)}, candidate ${releaseName(state.candidate)}?`,
				submit: 'Lock',
				tone: 'primary',
				happens: [
					'CI is refused everything but abort, with your reason, until the lock ends. Operators can still act.',
					'No client moves.',
				],
			}),
			send: ({ seq, reason, values }) => run(app, 'Lock', () => api.lock(app, { reason, until: values.until() }, seq)),
		});
	}

	function unlock(app) {
		ask({
			app,
			describe: (state) => ({
				title: `Unlock ${app} (stable ${releaseName(state.stable)}, candidate ${releaseName(state.candidate)})?`,
				submit: 'Unlock',
				tone: 'primary',
				happens: ['CI may act again at once. No client moves.'],
				against: state.lock ? [`${state.lock.by} locked it: “${state.lock.reason}”.`] : [],
				impossible: state.lock ? null : 'It is not locked any more.',
			}),
			send: ({ seq }) => run(app, 'Unlock', () => api.unlock(app, undefined, seq)),
		});
	}

	function finishDrain(app, tenure) {
		const of = (state) => (state.draining ?? []).find((release) => release.tenure === tenure);
		ask({
			app,
			describe: (state) =>
				of(state)
					? {
							title: `Finish draining ${releaseName(of(state))} now?`,
							submit: 'Finish now',
							tone: 'stop',
							...finishDrainAdvice(state, of(state)),
						}
					: { impossible: 'It is not draining any more.' },
			send: ({ seq, reason }) =>
				run(app, `Finish draining ${releaseName(of(store.app(app)))}`, () => api.finishDrain(app, tenure, { reason }, seq)),
		});
	}

	function finishDrains(app) {
		ask({
			app,
			describe: (state) =>
				state.draining?.length
					? {
							title: `Finish draining ${state.draining.map(releaseName).join(', ')} now?`,
							submit: 'Finish all now',
							tone: 'stop',
							...finishDrainsAdvice(state),
						}
					: { impossible: 'Nothing is draining any more.' },
			send: ({ seq, reason }) => run(app, 'Finish every drain', () => api.finishDrains(app, { reason }, seq)),
		});
	}

	/** Of one endpoint; `lifts` ends its drain again. */
	function drainEndpoint(app, id, address, lifts) {
		const of = (state) => releasesOf(state).find((release) => release.id === id);
		const at = (state) => of(state)?.endpoints.find((endpoint) => endpoint.address === address);
		const words = lifts
			? (state) => ({
					title: `Let ${address} of ${releaseName(of(state))} take requests again?`,
					submit: `Lift the drain of ${address}`,
					tone: 'primary',
					happens: ['It gets its share of new clients again at once. No client moves.'],
					impossible: at(state).draining ? null : 'It does not drain any more.',
				})
			: (state) => ({
					title: `Drain ${address} of ${releaseName(of(state))}?`,
					submit: `Drain ${address}`,
					tone: 'stop',
					...drainEndpointAdvice(state, of(state), at(state)),
					impossible: at(state).draining ? 'It drains already.' : null,
				});
		ask({
			app,
			body: lifts ? null : drainBody(duration(store.app(app)?.settings?.drainmaxseconds ?? 3600)),
			mayForce: !lifts,
			describe: (state) => (at(state) ? words(state) : { impossible: `${address} is no endpoint of ${releaseName(id)} any more.` }),
			send: ({ seq, reason, force, values }) =>
				lifts
					? run(app, `Lift the drain of ${address}`, () => api.liftDrain(app, id, address, { reason }, seq))
					: run(app, `Drain ${address}`, () => api.drainEndpoint(app, id, address, { reason, force, seconds: values.seconds }, seq)),
		});
	}

	return {
		drainEndpoint,
		finishDrain,
		finishDrains,
		inFlight: (app) => (flights.get(app) ?? 0) > 0,
		blend,
		promote,
		abort,
		rollback,
		choose,
		sticky,
		lock,
		unlock,
		whoMoves,
	};
}

// What the state says of a release (health, figures), where it says something.
function known(state, release) {
	return (
		[state.stable, state.candidate, state.previous, ...(state.draining ?? [])].find(
			(other) => other?.endpoints && releaseId(other) === release.id,
		) ?? release
	);
}

/** How far it is applied; with the router's own words where somebody is missing. */
function appliedWords(applied) {
	if (!applied) return '';
	if (applied.missing?.length) return `, ${applied.text}`;
	return `, applied on ${applied.applied} of ${applied.members} router${applied.members === 1 ? '' : 's'}`;
}

function outcome({ result, seq, applied }) {
	if (result === 'unchanged') return `nothing to change, it is so already (change ${seq}).`;
	return `done as change ${seq}${appliedWords(applied)}.`;
}
