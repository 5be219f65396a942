// The card of one track: which release is there, how it performs, and what can be done with it. The frame stays the same whether there is
// a release or not, so that no button moves.

import { h, setAttr, setShown, setText } from '../dom.js';
import { UNKNOWN, count, millis, plural, rate, share } from '../format.js';
import { releaseName } from '../release.js';
import { endpointStrip } from './endpoints.js';
import { metric } from './metric.js';
import { when } from './when.js';

const TRACKS = {
	stable: { title: 'Stable', sign: '■', empty: 'No release is on stable: requests get 503 until you choose one.' },
	candidate: { title: 'Candidate', sign: '◆', empty: 'No candidate. Choose a release to try beside stable.' },
};

/**
 * `update({release, other, now, disabledReason, verdict})`: `other` is the release to compare with, or null; `verdict` says how they compare.
 * `row` is the card's row of buttons; `drains` is what the endpoints offer; `extra` is an element above the verdict, or null.
 */
export function releaseCard(track, row, drains, extra = null) {
	const { title, sign, empty } = TRACKS[track];
	const name = h('p.release-name', { testid: `${track}-release` });
	const since = when();
	const origin = h('span');
	const meta = h('p.release-meta', {}, origin, since.element);
	const strip = endpointStrip(drains);
	const figures = metricList();
	const verdictText = h('span');
	const verdictLine = track === 'candidate' ? h('p.verdict', { testid: 'verdict' }, verdictText) : null;
	const element = h(
		'section',
		{ class: `card track-${track}`, 'aria-labelledby': `${track}-title`, testid: `${track}-card` },
		h('h2.card-title', { id: `${track}-title` }, h('span', { 'aria-hidden': 'true' }, sign), title),
		name,
		meta,
		figures.element,
		strip.element,
		extra,
		verdictLine,
		row.element,
	);
	return {
		element,
		update({ release, other, now, disabledReason, verdict }) {
			element.classList.toggle('is-empty', !release);
			setText(name, release ? releaseName(release) : 'none');
			setAttr(name, 'title', release?.id);
			setText(origin, release ? `set by ${release.set_by || 'unknown'}, ` : empty);
			setShown(since.element, Boolean(release));
			since.update(release?.since, now);
			strip.update(release, disabledReason);
			verdictText.className = verdict?.tone ?? '';
			setText(verdictText, verdict ? `${verdict.sign} ${verdict.text}` : '');
			figures.update(release?.activity, track === 'candidate' ? other?.activity : null);
		},
	};
}

const countClients = (activity) => (typeof activity?.pinned === 'number' ? plural(activity.pinned, 'client') : UNKNOWN);

function metricList() {
	const shown = {
		rate: metric('Requests'),
		errors: metric('Errors', { hint: 'Share of the answers that were 5xx' }),
		p95: metric('p95', { hint: '95 of 100 requests are answered within this time' }),
		pinned: metric('Pinned', { hint: 'Distinct clients whose pins came back in the last minutes' }),
		p50: metric('p50', { small: true }),
		p99: metric('p99', { small: true }),
		open: metric('Open requests', { small: true }),
		sockets: metric('Open sockets', { small: true }),
	};
	return {
		element: h(
			'dl.metrics',
			{},
			Object.values(shown).map((each) => each.element),
		),
		update(activity, other) {
			const compare = (text) => (other && activity ? `stable ${text}` : '');
			shown.rate.update(rate(activity?.requests_per_second), compare(rate(other?.requests_per_second)));
			shown.errors.update(share(activity?.error_share), compare(share(other?.error_share)));
			shown.p95.update(millis(activity?.p95_ms), compare(millis(other?.p95_ms)));
			shown.p50.update(millis(activity?.p50_ms));
			shown.p99.update(millis(activity?.p99_ms));
			shown.open.update(count(activity?.open_requests));
			shown.sockets.update(count(activity?.open_sockets));
			shown.pinned.update(countClients(activity), compare(countClients(other)));
		},
	};
}
