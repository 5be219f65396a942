// What is wrong with the router, its store or its fleet, in sentences: the bar on every page says it, and so does every dialog, since it
// speaks against what is about to be done. Pure.

import { duration, timeOfDay } from './format.js';
import { describeHeard } from './fleet-words.js';

/** What the connection of the page lacks; null: nothing. */
export function describeLoss({ state, reason, heardAt, retryAt }, now) {
	if (state !== 'lost') return null;
	const age = heardAt ? ` What you see is from ${timeOfDay(heardAt)}.` : '';
	const next = retryAt > now + 500 ? ` Trying again in ${duration((retryAt - now) / 1000)}.` : ' Trying again.';
	return `Connection lost: ${reason}.${age}${next}`;
}

/** What is wrong with the store; null: nothing. */
export function describeStoreTrouble(store, who) {
	if (store?.state === 'stale') {
		const silence = duration(store.staleness_seconds);
		return `The store has not answered for ${silence}. The last good routing table keeps serving. Changes made elsewhere are not seen yet.`;
	}
	if (store?.state === 'down') {
		return 'The store cannot be reached. The last good routing table keeps serving and pins hold. Commands are refused until the store answers again.';
	}
	if (store?.state === 'diverged') {
		const detail = store.detail ? `: ${store.detail}` : '';
		const settle = who && who.role !== 'admin' ? 'an admin accepts or restores the store' : 'the store is accepted or restored';
		const effect = `The last good routing table keeps serving. Commands are refused until ${settle}.`;
		return `The history in the store is not the one that is served here${detail}. ${effect}`;
	}
	return null;
}

/** The routers that do not follow, one sentence; null: all do. Those that are presumed gone hold nobody up. */
export function describeSilentRouters(fleet) {
	const missing = (fleet?.members ?? []).filter(({ own, heard, gone, behind }) => !own && !gone && (!heard || behind));
	if (missing.length === 0) return null;
	const each = missing.map((member) => `${member.name} (${member.heard ? 'behind' : describeHeard(member).replace(/^✕ /, '')})`);
	return `${each.join(', ')} may still serve what was before.`;
}

/** Everything that is wrong now. */
export function listTroubles({ connection, router, fleet, who }, now) {
	const late = connection.state === 'late' ? 'The router has said nothing for some seconds, so what this page shows may be old.' : null;
	return [describeLoss(connection, now), late, describeStoreTrouble(router?.store, who), describeSilentRouters(fleet)].filter(Boolean);
}

/** Why the router would refuse every command but an abort on this router alone; null: it would not. */
export function refusalNow({ connection, router }) {
	if (connection.state === 'lost') return 'the connection to the router is lost';
	if (router?.store?.state === 'down') return 'the store cannot be reached, so the router refuses commands';
	if (router?.store?.state === 'diverged') return 'the store holds another history, so the router refuses commands until that is settled';
	return null;
}
