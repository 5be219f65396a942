// The strip that asks before many people are sent to the candidate at once: who moves, a reason, and whether to go on.

import { describeBlendChange } from '../blend.js';
import { freshId, h, setShown, setText } from '../dom.js';
import { percent } from '../format.js';
import { releaseName } from '../release.js';
import { button, submitButton } from './controls.js';

/** `apply(target, reason)` and `cancel()` close it. `open(state, target)`, `describe(words)` with the router's dry run, `close()`. */
export function riseStrip({ apply, cancel }) {
	const title = h('b');
	const who = h('p', { testid: 'rise-effect' });
	const reason = h('input.input', { id: freshId('rise'), autocomplete: 'off', maxlength: '500', testid: 'rise-reason' });
	const submit = submitButton('', 'rise-apply');
	const element = h(
		'form.rise-strip',
		{ testid: 'rise-strip', hidden: true, 'aria-label': 'Raise the blend' },
		h('div', {}, title, who),
		h(
			'div.rise-entry',
			{},
			h('label', { for: reason.id }, 'Reason (optional)'),
			reason,
			submit,
			button('Cancel', { testid: 'rise-cancel', run: cancel }),
		),
	);
	let wanted = null;
	let opener = null;
	element.addEventListener('submit', (event) => {
		event.preventDefault();
		const target = wanted;
		close();
		apply(target, reason.value.trim() || undefined);
	});
	element.addEventListener('keydown', (event) => {
		if (event.key !== 'Escape') return;
		event.stopPropagation();
		cancel();
	});

	// The focus goes back to where it was.
	function close() {
		wanted = null;
		if (element.contains(document.activeElement)) opener?.focus();
		setShown(element, false);
	}

	return {
		element,
		isOpen: () => wanted !== null,
		target: () => wanted,
		close,
		describe(words) {
			if (wanted !== null) setText(who, words);
		},
		open(state, target) {
			if (wanted === null) {
				reason.value = '';
				opener = document.activeElement;
			}
			wanted = target;
			const candidate = releaseName(state.candidate);
			setText(
				title,
				target === 100 ? `Send all new clients to ${candidate}?` : `Raise ${percent(state.blend)} to ${percent(target)} for ${candidate}?`,
			);
			setText(who, describeBlendChange(state.blend, target, state.settings?.transition));
			setText(submit, `Apply ${percent(target)}`);
			setShown(element, true);
			reason.focus();
		},
	};
}
