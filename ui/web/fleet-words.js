// Puts the fleet into words: whether a router gives signs of life, what it serves, how its clock differs. Pure.

import { duration } from './format.js';

/** What tells an alarm from others: a router may have two of one kind, about two engines, hooks or apps. */
export const alarmKey = ({ kind, node, subject = '' }) => `${kind} ${node} ${subject}`;

/** Whether a member gives signs of life. */
export function describeHeard({ own, heard, gone, silent_seconds: silent }) {
	if (own) return '● this router';
	if (heard) return '● heard from';
	const words = silent == null ? 'not heard from' : `not heard from for ${duration(silent)}`;
	return gone ? `✕ presumed gone, ${words}` : `✕ ${words}`;
}

/** What a member serves, compared with this router. `app(name)` gives a known state. */
export function describeServed({ own, differs }, app = () => null) {
	const apps = Object.entries(differs ?? {});
	if (apps.length === 0) return own ? 'serves what this page shows' : 'serves the same';
	const words = apps.slice(0, 3).map(([name, seq]) => `${name} at change ${seq ?? 'unknown'} (here ${app(name)?.seq ?? 'unknown'})`);
	return `✕ serves ${words.join(', ')}${apps.length > 3 ? ` and ${apps.length - 3} more` : ''}`;
}

/** How far a member's clock is off, when that is a second or more. */
export function describeSkew({ skew_ms: skew }) {
	return Math.abs(skew ?? 0) >= 1000 ? `clock ${skew > 0 ? 'ahead' : 'behind'} by ${duration(Math.abs(skew) / 1000)}` : '';
}

/** How the secrets of the store are encrypted, and what that waits for. */
export function describeSecrets({ key, next, waits_for: waitsFor, all, written }) {
	const now = !key || key === 'plain' ? 'Secrets stand in the store unencrypted' : `Secrets in the store are encrypted with ${key}`;
	const done = written === all ? '' : `, ${written} of ${all} of them so far`;
	const waits = next && waitsFor.length > 0 ? `. ${next} waits until ${waitsFor.join(', ')} has it first in its file` : '';
	return `${now}${done}${waits}.`;
}

/** The text of the link to the fleet: how many routers there are, or how many alarms. */
export function fleetLabel(fleet) {
	const alarms = fleet?.alarms.length;
	if (alarms) return `Fleet ⚠\u00a0${alarms}`;
	return fleet?.members.length > 1 ? `Fleet\u00a0${fleet.members.length}` : 'Fleet';
}
