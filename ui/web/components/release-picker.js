// Chooses a release: one that is known from the keyvalues, or one whose name and endpoints are typed.

import { freshId, h } from '../dom.js';
import { plural } from '../format.js';
import { fatesOf } from '../fates.js';
import { typedList } from '../typed-list.js';
import { field } from './controls.js';
import { fateTag } from './fate-tag.js';

const TRACK_WORDS = { stable: 'on stable now', candidate: 'the candidate now', draining: 'draining', previous: 'the previous stable' };

/**
 * `releases` and `history` are promises of the API's answers, `track` is the track to fill, `first` the id that is chosen at first, or null.
 */
export function releasePicker({ releases, history, track, first = null }) {
	const group = freshId('release');
	const list = h(
		'div.options',
		{ role: 'radiogroup', 'aria-label': 'Known releases', testid: 'release-options' },
		h('p.quiet', {}, 'Loading the known releases …'),
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
	const manual = h(
		'details.by-hand',
		{ testid: 'release-by-hand' },
		h('summary', {}, 'Enter another release'),
		field('Release name, or an id such as apps/hello-1.0.1-80/containers', name),
		field('Its endpoints, one ip:port, name:port or unix:/path per line (empty: those that are already stored)', addresses),
	);
	let options = [];
	let fates = new Map();
	let notifyChange = () => {};

	const findChosen = () => options.find(({ radio }) => radio.checked)?.release ?? null;
	const readName = () => name.value.trim();

	function showReleases(known) {
		const taken = new Set();
		options = known.map((release) => {
			const testName = taken.has(release.release) ? release.id : release.release;
			taken.add(testName);
			return buildOption(
				release,
				fates.get(release.id),
				testName,
				group,
				release.track === track || (track === 'candidate' && release.track === 'stable'),
				() => {
					name.value = '';
					notifyChange();
				},
			);
		});
		list.replaceChildren(...options.map(({ element }) => element));
		if (options.length === 0) {
			list.replaceChildren(
				h(
					'p.quiet',
					{},
					'No release is known yet. A release appears here once its endpoints are in the keyvalues. You can also enter one below.',
				),
			);
			manual.open = true;
		}
		search.hidden = options.length < 8;
		const chosenFirst = options.find(({ release, radio }) => release.id === first && !radio.disabled);
		if (chosenFirst) chosenFirst.radio.checked = true;
		(chosenFirst ?? options.find(({ radio }) => !radio.disabled))?.radio.focus();
		notifyChange();
	}

	const past = history.then(
		({ events }) => events,
		() => [],
	);
	Promise.all([releases, past]).then(
		([{ releases: known }, events]) => {
			fates = fatesOf(events);
			showReleases(known);
		},
		(error) => {
			list.replaceChildren(h('p.error', {}, error.message));
			manual.open = true;
		},
	);
	search.addEventListener('input', () => {
		const wanted = search.value.trim().toLowerCase();
		for (const { element, release } of options) element.hidden = !`${release.release} ${release.id}`.toLowerCase().includes(wanted);
	});
	name.addEventListener('input', () => {
		for (const { radio } of options) radio.checked = false;
		notifyChange();
	});
	addresses.addEventListener('input', () => notifyChange());

	return {
		element: h('div.picker', {}, search, list, manual),
		onChange(run) {
			notifyChange = run;
		},
		error: () => (findChosen() || readName() ? null : 'Choose a release or enter one.'),
		values() {
			if (findChosen()) return { release: findChosen(), fate: fates.get(findChosen().id) ?? null, body: { id: findChosen().id } };
			if (!readName()) return { release: null };
			const endpoints = typedList(addresses.value);
			const isId = readName().startsWith('apps/');
			const body = { [isId ? 'id' : 'release']: readName(), ...(endpoints.length ? { endpoints } : {}) };
			return { release: isId ? { id: readName() } : { id: null, release: readName() }, body };
		},
	};
}

function buildOption(release, fate, testName, group, isDisabled, onChange) {
	const id = freshId('option');
	const radio = h('input', {
		type: 'radio',
		name: group,
		id,
		testid: `release-option-${testName}`,
		disabled: isDisabled,
		on: { change: onChange },
	});
	const place = TRACK_WORDS[release.track];
	const element = h(
		'label',
		{ class: isDisabled ? 'option is-off' : 'option', for: id },
		radio,
		h('span.option-name.mono', {}, release.release, fate ? fateTag(fate) : null),
		h('span.quiet.option-facts', {}, [plural(release.endpoints, 'endpoint'), place].filter(Boolean).join(', ')),
		h('span.option-id.mono.quiet', {}, release.id),
	);
	return { release, radio, element };
}
