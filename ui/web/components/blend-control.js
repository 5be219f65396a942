// The blend: a slider, presets, an exact entry, and who would move.
// The pointer sets the blend when it is released. Keys only move the thumb and Enter sets it, so that no arrow press is a release step.

import { describeBlendChange, isLargeRise, parseBlend, snapBlend } from '../blend.js';
import { freshId, h, setAttr, setShown, setText, setVar } from '../dom.js';
import { percent } from '../format.js';
import { riseStrip } from './rise-strip.js';
import { submitButton } from './controls.js';
import { shareLine } from './shares.js';

const PRESETS = [0, 10, 25, 50, 75, 100];
// The dry run is asked for when the thumb has rested this long, not for every pixel on its way.
const REST_MS = 120;

/**
 * `update({state, disabledReason})`: a reason disables it. `setBlend(percent, seq, reason)` sends, never throws, and gives the seq that is known
 * afterwards. `dryRun(percent)` asks the router who would move.
 */
export function blendControl({ setBlend, dryRun }) {
	const hint = h('p.blend-hint', { id: freshId('hint'), testid: 'blend-hint' });
	const value = h('output.blend-value.live-value', { testid: 'blend-value' });
	const shares = shareLine();
	const slider = h('input', {
		type: 'range',
		class: 'blend-slider',
		min: '0',
		max: '100',
		step: 'any',
		// Stable is on the left and the candidate on the right, as everywhere.
		dir: 'rtl',
		testid: 'blend-slider',
		'aria-label': 'Blend: percent of new clients sent to the candidate',
		'aria-describedby': hint.id,
	});
	const tick = h('span.blend-tick', { title: 'Where the visitors are now', 'aria-hidden': 'true', hidden: true });
	const exact = h('input.input.blend-exact', {
		inputmode: 'decimal',
		autocomplete: 'off',
		size: '6',
		testid: 'blend-exact',
		'aria-describedby': hint.id,
		id: freshId('exact'),
	});
	const set = submitButton('Set', 'blend-set', { tone: '' });
	const form = h(
		'form.blend-exact-form',
		{},
		h('label', { for: exact.id }, 'Exactly'),
		h('span.with-unit', {}, exact, h('span', { 'aria-hidden': 'true' }, '%')),
		set,
	);
	const presets = PRESETS.map((preset) =>
		h('button', { type: 'button', class: 'preset', testid: `blend-preset-${preset}`, on: { click: () => send(preset) } }, percent(preset)),
	);

	const strip = riseStrip({ apply: (target, reason) => send(target, { reason }), cancel: () => dropDraft() });

	let shown = { state: null, disabledReason: null };
	// The draft is what the reader is about to set: `{target, seq, isReady}`, with the seq at which it was begun.
	let draft = null;
	let byPointer = false;
	let isSending = false;
	let dryRunResult = null;
	let restTimer = 0;

	async function askDryRun(target) {
		const words = await dryRun(target).then(
			(answer) => answer.words,
			() => null,
		);
		if (words && draft?.target === target) {
			dryRunResult = { target, words: words.join(' ') };
			redraw();
			strip.describe(dryRunResult.words);
		}
	}

	const beginDraft = (target) => {
		clearTimeout(restTimer);
		if (dryRunResult?.target !== target) restTimer = setTimeout(askDryRun, REST_MS, target);
		draft = { target, seq: draft && !isSending ? draft.seq : shown.state.seq };
		redraw();
	};
	const dropDraft = () => {
		draft = null;
		exact.value = '';
		strip.close();
		redraw();
	};

	/** Sends the blend; a large rise without `answer`, which is what the strip asked for, opens the strip instead. */
	async function send(target, answer = null) {
		if (shown.disabledReason || !shown.state) return;
		if (!answer && isLargeRise(shown.state.blend, target)) {
			if (draft?.target !== target) beginDraft(target);
			strip.open(shown.state, target, draft);
			redraw();
			return;
		}
		const sent = draft?.target === target ? draft : { target, seq: draft?.seq ?? shown.state.seq };
		draft = sent;
		// A draft that is ready while an earlier one is being sent follows it.
		sent.isReady = true;
		if (isSending) return;
		isSending = true;
		redraw();
		const seq = target === shown.state.blend ? sent.seq : await setBlend(target, sent.seq, answer?.reason);
		isSending = false;
		if (draft === sent || !draft) return dropDraft();
		draft.seq = seq;
		if (draft.isReady) send(draft.target);
	}

	slider.addEventListener('pointerdown', () => {
		byPointer = true;
	});
	slider.addEventListener('keydown', (event) => {
		byPointer = false;
		if (event.key === 'Enter' && draft) send(draft.target);
		if (event.key === 'Escape' && draft) {
			event.stopPropagation();
			dropDraft();
		}
	});
	slider.addEventListener('input', () => {
		if (shown.disabledReason) redraw();
		else beginDraft(snapBlend(slider.value));
	});
	slider.addEventListener('change', () => {
		if (byPointer && draft) send(draft.target);
		byPointer = false;
	});
	slider.addEventListener('blur', () => {
		if (draft && !isSending && exact.value === '' && !strip.isOpen()) dropDraft();
	});
	exact.addEventListener('input', () => {
		const read = parseBlend(exact.value);
		if (exact.value.trim() === '') dropDraft();
		else if (read.value !== undefined && !shown.disabledReason) beginDraft(read.value);
		else redraw();
	});
	exact.addEventListener('keydown', (event) => {
		if (event.key === 'Escape') {
			event.stopPropagation();
			dropDraft();
		}
	});
	form.addEventListener('submit', (event) => {
		event.preventDefault();
		const read = parseBlend(exact.value);
		if (read.value === undefined) {
			exact.focus();
			redraw(true);
		} else send(read.value);
	});

	function redraw(isTried = false) {
		const { state } = shown;
		if (!state) return;
		const target = draft?.target ?? state.blend;
		if (Math.abs(Number(slider.value) - target) > 1e-9) slider.value = String(target);
		setVar(slider, '--share', `${target}%`);
		const actual = state.shares?.confirmed;
		setShown(tick, typeof actual === 'number');
		if (typeof actual === 'number') setVar(tick, '--at', `${100 - actual}%`);
		setAttr(slider, 'aria-valuetext', `${percent(target)} to the candidate`);
		setText(value, draft ? `${percent(state.blend)} → ${percent(target)}` : percent(state.blend));
		const read = parseBlend(exact.value);
		const error = exact.value.trim() !== '' || isTried ? read.error : null;
		setAttr(exact, 'aria-invalid', error ? 'true' : null);
		hint.classList.toggle('is-bad', Boolean(error));
		setText(hint, error ?? describeHint(state, target));
	}

	function describeHint(state, target) {
		if (shown.disabledReason) return `Blend: ${shown.disabledReason}.`;
		if (isSending) return `Setting ${percent(target)} …`;
		// The strip says who moves.
		if (strip.isOpen()) return '';
		if (!draft || target === state.blend) {
			return 'Percent of new clients sent to the candidate. Drag and let go, or type a number and press Enter.';
		}
		const how = byPointer ? 'Let go to set it.' : 'Press Enter to set it or Escape to cancel.';
		if (dryRunResult?.target === target) return `${dryRunResult.words} ${how}`;
		return `${describeBlendChange(state.blend, target, state.settings?.transition)} ${how}`;
	}

	const element = h(
		'section.panel.blend',
		{ 'aria-labelledby': 'blend-title' },
		h('div.blend-head', {}, h('h2', { id: 'blend-title', class: 'panel-title' }, 'Traffic to candidate'), value),
		h('div.blend-bar', {}, slider, tick),
		strip.element,
		h('div.blend-entry', {}, h('div.presets', { role: 'group', 'aria-label': 'Set the blend to' }, presets), form),
		hint,
		shares.element,
	);

	return {
		element,
		/** Sets the blend as a preset does. */
		ask(target) {
			send(target);
			if (strip.isOpen()) element.scrollIntoView({ block: 'nearest' });
		},
		update({ state, disabledReason }) {
			if (state.seq !== shown.state?.seq) dryRunResult = null;
			if (disabledReason || !isLargeRise(state.blend, strip.target())) strip.close();
			shown = { state, disabledReason };
			const off = Boolean(disabledReason);
			for (const control of [slider, exact]) control.disabled = off;
			for (const button of [set, ...presets]) {
				setAttr(button, 'aria-disabled', off ? 'true' : null);
				setAttr(button, 'aria-describedby', off ? hint.id : null);
			}
			presets.forEach((button, at) => setAttr(button, 'aria-pressed', String(PRESETS[at] === state.blend)));
			shares.update(state);
			redraw();
		},
	};
}
