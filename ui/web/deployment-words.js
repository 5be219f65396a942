// Deployments and recycles in words. Pure.

import { duration, plural } from './format.js';

const OVER = ['serving', 'stopped'];
const STATES = {
	pending: '◌ is to begin',
	pulling: '◌ pulls its image',
	starting: '◌ starts its containers',
	checking: '◌ waits until they are healthy',
	serving: '✓ serves',
	draining: '◌ leaves its endpoints',
	stopped: '‖ stopped',
	failed: '✕ failed',
};

/** Whether something more comes of it by itself. */
export function isUnderWay({ state, containers, recycle, desired }) {
	if (recycle && recycle.ended_at == null && state === 'serving') return true;
	if (state === 'failed') return containers.length > 0;
	return !OVER.includes(state) || (state === 'serving' && desired !== 'serving');
}

/** Whether its containers can be made anew now. */
export const canBeRecycled = ({ state, desired, recycle }) =>
	state === 'serving' && desired === 'serving' && (!recycle || recycle.ended_at != null);

/** How far it is. */
export function stateWords({ state, replicas, containers, engine, progress }) {
	const serving = containers.filter(({ address }) => address).length;
	const where = engine ? ` on ${engine}` : '';
	const far = `${serving} of ${plural(replicas, 'container')}`;
	return [`${STATES[state] ?? state}${where}`, far, progress].filter(Boolean).join(' · ');
}

export function containerLine({ name, engine, address }) {
	return `${name} on ${engine}: ${address ?? 'no endpoint'}`;
}

export function stepLine({ at, text }) {
	return `${new Date(at).toLocaleTimeString()}  ${text}`;
}

const SWAPS = {
	waiting: 'waits for its turn',
	starting: 'its successor starts',
	draining: 'its clients leave',
	stopping: 'stops',
	done: 'replaced',
	kept: 'stays',
};

/** The last recycle, line by line; none once it is over and was good. */
export function recycleLines({ recycle }) {
	if (!recycle || (recycle.state === 'done' && recycle.ended_at != null)) return [];
	const end = recycle.ended_at == null ? '' : ', and over';
	const head = `Recycle asked for by ${recycle.by}: ${recycle.done} of ${plural(recycle.of, 'container')} replaced${end}.`;
	return [head, ...recycle.containers.map(({ old, state }) => `${old}: ${SWAPS[state] ?? state}`)];
}

/** Who moves in a recycle, and when. */
export function whoMoves({ replicas, ports, containers }, { drain, parallel, inPlace }) {
	const addresses = containers.flatMap(({ address }) => address ?? []).join(', ');
	const turns = parallel > 1 ? `${parallel} at a time` : 'one after the other';
	const lines = [
		`${plural(replicas, 'container')}, ${turns}: each new one is healthy before the clients of an old one leave.`,
		`A client stays where it is until it navigates, for ${duration(drain)} at most.`,
		'It changes its endpoint once, and never its release.',
		`Those pinned to ${addresses} move. What they keep in the memory of a container is lost with it.`,
	];
	if (ports[0]?.includes(':')) {
		const alone = replicas === 1 ? ' It is the only one, so nobody is served meanwhile.' : '';
		lines.push(`The port of the host is fixed (${ports[0]}): each container is stopped before the new one is started.${alone}`);
	}
	if (inPlace) lines.push('The new containers are made of what the name of the image means now, and approvals of the release end.');
	return lines;
}
