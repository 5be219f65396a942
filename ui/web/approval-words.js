// Puts the approvals of the candidate into words: how many are missing, who gave some, and who may give more. Pure.

import { ago, plural } from './format.js';
import { releaseName } from './release.js';

/** What the card says: `{text, isMissing}`; null where the app needs no approvals and nobody gave one. */
export function describeApprovals({ candidate }, now) {
	const approvals = candidate?.approvals;
	if (!approvals) return null;
	const { given, needed, missing, new_endpoints: news = [] } = approvals;
	const names = given.map(({ by, at }) => `${by}, ${ago(at, now)}`).join('; ');
	const count = needed ? `${given.length} of ${needed} approvals` : plural(given.length, 'approval');
	const ended = news.length ? ` Those given before have ended, since ${news.join(', ')} is new.` : '';
	const more = missing ? ` ${missing} more before it becomes stable, from operators other than ${candidate.set_by || 'its author'}.` : '';
	return { text: `${count}${names ? `: ${names}` : ''}.${ended}${more}`, isMissing: missing > 0 };
}

/** What the list of releases says of one: `approvals` are its own, as the app keeps them; empty: nobody gave one. */
export function describeGiven(approvals, now) {
	if (!approvals?.given.length && !approvals?.new_endpoints?.length) return '';
	return describeApprovals({ candidate: { approvals: { ...approvals, missing: 0 } } }, now).text;
}

/** Whether this reader's approval of the candidate counts. */
export const hasApproved = ({ candidate }, who) => Boolean(candidate?.approvals?.given.some(({ by }) => by === who?.name));

/** Why this reader cannot approve the candidate, or null. */
export function noApprovalReason({ candidate }, who) {
	if (!candidate) return 'there is no candidate';
	if (who && !['operator', 'admin'].includes(who.role)) return `your role is ${who.role}, and operators approve`;
	if (who && candidate.set_by === who.name) return `you made ${releaseName(candidate)} the candidate, so others approve it`;
	return null;
}

/** The same in two words, for a list of apps; empty: nothing is missing. */
export function flagApprovals({ candidate }) {
	const missing = candidate?.approvals?.missing ?? 0;
	return missing ? `waits for ${plural(missing, 'approval')}` : '';
}
