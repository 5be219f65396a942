// The history as releases: one line for each stay on the tracks, with its moments and how it ended.

import { h, keyed, setAttr, setShown, setText } from '../dom.js';
import { duration, fullTime, timeOfDay } from '../format.js';
import { releaseName } from '../release.js';

const BAD = ['rolled back', 'aborted'];

/** `update({stays, app, now})`. */
export function stayList() {
	const list = h('ol.stays', { testid: 'stays' });
	return {
		element: list,
		update({ stays, app, now }) {
			setShown(list, stays.length > 0);
			const ids = stays.map(({ id }) => id);
			keyed(
				list,
				stays.map((stay, at) => ({ ...stay, name: releaseName(stay.id, app, ids), now, key: `${stay.id} ${stays.length - at}` })),
				({ key }) => key,
				stayRow,
			);
		},
	};
}

function stayRow() {
	const name = h('b.mono');
	const end = h('span.tag');
	const words = h('span');
	const element = h('li.stay', {}, h('span', {}, name, end), words);
	return {
		element,
		update({ name: text, moments, end: ended, now }) {
			setText(name, text);
			const isBad = BAD.includes(ended?.word);
			setShown(end, isBad);
			end.classList.toggle('is-bad-tag', isBad);
			setText(end, isBad ? `✕ ${ended.word}` : '');
			setText(words, describeStay({ moments }, now));
			setAttr(words, 'title', moments.map(({ word, at }) => `${word} ${fullTime(at)}`).join(', '));
		},
	};
}

/** A stay in words, its moments one after the other. */
export const describeStay = ({ moments }, now) => moments.map((moment, at) => describeMoment(moment, moments[at - 1], now)).join(', ');

// `candidate 19:23:11 by ci "build 1188"`, `rolled back after 5 s by ops "checkout broken"`.
function describeMoment({ word, at, by, reason }, before, now) {
	const isToday = new Date(at).toDateString() === new Date(now).toDateString();
	const ended = before && ['rolled back', 'aborted', 'replaced', 'dropped'].includes(word);
	const time = ended ? `after ${duration((at - before.at) / 1000)}` : isToday ? timeOfDay(at) : fullTime(at);
	return `${word} ${time} by ${by}${reason ? ` “${reason}”` : ''}`;
}
