// The card of one track: which release is there, where it runs, and what can be done with it. The frame stays the same whether there is
// a release or not, so that no button moves.

import { h, setAttr, setShown, setText } from '../dom.js';
import { releaseName } from '../release.js';
import { endpointStrip } from './endpoints.js';
import { factList } from './fact-list.js';
import { when } from './when.js';

const TRACKS = {
	stable: { title: 'Stable', sign: '■', empty: 'No release is on stable: requests get 503 until you choose one.' },
	candidate: { title: 'Candidate', sign: '◆', empty: 'No candidate. Choose a release to try beside stable.' },
};

/**
 * `update({release, now, disabledReason, links})`: `links` is the setting `fact_links`. `row` is the card's row of buttons; `drains` is what the
 * endpoints offer; `extra` is an element above them, or null.
 */
export function releaseCard(track, row, drains, extra = null) {
	const { title, sign, empty } = TRACKS[track];
	const name = h('p.release-name', { testid: `${track}-release` });
	const since = when();
	const origin = h('span');
	const meta = h('p.release-meta', {}, origin, since.element);
	const facts = factList();
	const strip = endpointStrip(drains);
	const element = h(
		'section',
		{ class: `card track-${track}`, 'aria-labelledby': `${track}-title`, testid: `${track}-card` },
		h('h2.card-title', { id: `${track}-title` }, h('span', { 'aria-hidden': 'true' }, sign), title),
		name,
		meta,
		facts.element,
		strip.element,
		extra,
		row.element,
	);
	return {
		element,
		update({ release, now, disabledReason, links }) {
			element.classList.toggle('is-empty', !release);
			setText(name, release ? releaseName(release) : 'none');
			setAttr(name, 'title', release?.id);
			setText(origin, release ? `set by ${release.set_by || 'unknown'}, ` : empty);
			setShown(since.element, Boolean(release));
			since.update(release?.since, now);
			facts.update(release?.facts, links);
			strip.update(release, disabledReason);
		},
	};
}
