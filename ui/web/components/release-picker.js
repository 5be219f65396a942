// Choosing a release: one of those known from the key-values, or a name with endpoints typed by hand.

import { freshId, h } from '../dom.js';
import { plural } from '../format.js';
import { field } from './controls.js';

const TRACK_WORDS = { stable: 'on stable now', candidate: 'the candidate now', draining: 'draining', previous: 'the previous stable' };

/** The body of a choose dialog. `releases` is a promise of the API's list; `track` the place to fill; `wanted` the id that is chosen at first. */
export function releasePicker({ releases, track, wanted = null }) {
	const group = freshId('release');
	const list = h(
		'div.options',
		{ role: 'radiogroup', 'aria-label': 'Known releases', testid: 'release-options' },
		h('p.quiet', {}, 'Asking for the known releases …'),
	);
	const search = h('input.input', {
		type: 'search',
		placeholder: 'Filter',
		'aria-label': 'Filter releases',
		testid: 'release-filter',
		hidden: true,
	});
	const name = h('input.input.mono', { id: `${group}-name`, autocomplete: 'off', spellcheck: 'false', testid: 'release-name' });
	const addresses = h('textarea.input.mono', {
		id: `${group}-endpoints`,
		rows: '2',
		spellcheck: 'false',
		placeholder: '10.0.0.9:3000',
		testid: 'release-endpoints',
	});
	const hand = h(
		'details.by-hand',
		{ testid: 'release-by-hand' },
		h('summary', {}, 'Another release, by hand'),
		field('Release name, or id such as apps/hello-1.0.1-80/containers', name),
		field('Its endpoints, one ip:port per line (none: those already stored)', addresses),
	);
	let options = [];
	let tell = () => {};

	const chosen = () => options.find(({ radio }) => radio.checked)?.release ?? null;
	const typed = () => name.value.trim();

	function fill(known) {
		const taken = new Set();
		options = known.map((release) => {
			const testName = taken.has(release.release) ? release.id : release.release;
			taken.add(testName);
			return option(release, testName, group, release.track === track || (track === 'candidate' && release.track === 'stable'), () => {
				name.value = '';
				tell();
			});
		});
		list.replaceChildren(...options.map(({ element }) => element));
		if (options.length === 0) {
			list.replaceChildren(
				h('p.quiet', {}, 'No release is known yet. A release appears here when its endpoints are in the key-values; or enter one below.'),
			);
			hand.open = true;
		}
		search.hidden = options.length < 8;
		const first = options.find(({ release, radio }) => release.id === wanted && !radio.disabled);
		if (first) first.radio.checked = true;
		(first ?? options.find(({ radio }) => !radio.disabled))?.radio.focus();
		tell();
	}

	releases.then(
		({ releases: known }) => fill(known),
		(error) => {
			list.replaceChildren(h('p.error', {}, error.message));
			hand.open = true;
		},
	);
	search.addEventListener('input', () => {
		const wanted = search.value.trim().toLowerCase();
		for (const { element, release } of options) element.hidden = !`${release.release} ${release.id}`.toLowerCase().includes(wanted);
	});
	name.addEventListener('input', () => {
		for (const { radio } of options) radio.checked = false;
		tell();
	});
	addresses.addEventListener('input', () => tell());

	return {
		element: h('div.picker', {}, search, list, hand),
		onChange(run) {
			tell = run;
		},
		error: () => (chosen() || typed() ? null : 'Choose a release, or enter one by hand.'),
		values() {
			if (chosen()) return { release: chosen(), body: { id: chosen().id } };
			if (!typed()) return { release: null };
			const endpoints = addresses.value.split(/[\s,]+/).filter(Boolean);
			const isId = typed().startsWith('apps/');
			const body = { [isId ? 'id' : 'release']: typed(), ...(endpoints.length ? { endpoints } : {}) };
			return { release: isId ? { id: typed() } : { id: null, release: typed() }, body };
		},
	};
}

function option(release, testName, group, isHere, changed) {
	const id = freshId('option');
	const radio = h('input', {
		type: 'radio',
		name: group,
		id,
		testid: `release-option-${testName}`,
		disabled: isHere,
		on: { change: changed },
	});
	const place = TRACK_WORDS[release.track];
	const element = h(
		'label',
		{ class: isHere ? 'option is-off' : 'option', for: id },
		radio,
		h('span.option-name.mono', {}, release.release),
		h('span.quiet.option-facts', {}, [plural(release.endpoints, 'endpoint'), place].filter(Boolean).join(', ')),
		h('span.option-id.mono.quiet', {}, release.id),
	);
	return { release, radio, element };
}
