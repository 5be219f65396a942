// The blend: a slider whose track is the configured share, the drawn and the actual share beside it, exact entry, and who moves.
// A pointer commits on release; keys move the thumb and Enter commits, so that no arrow press is a release step.

import { movesWords, parseBlend, snapBlend, whoMoves } from '../blend.js';
import { freshId, h, setAttr, setText, setVar } from '../dom.js';
import { percent } from '../format.js';
import { shareBar } from './metric.js';
import { submitButton } from './controls.js';

const PRESETS = [0, 10, 25, 50, 75, 100];
// A thumb that rests this long is asked about: every pixel on its way is not.
const REST_MS = 120;

/**
 * `update({state, why})`: `why` disables it. `commit(percent, seq)` sends and never throws; it gives the seq that is known then.
 * `foretell(percent)` asks the router who would move.
 */
export function blendControl({ commit, foretell }) {
	const hint = h('p.blend-hint', { id: freshId('hint'), testid: 'blend-hint' });
	const value = h('output.blend-value.live-value', { testid: 'blend-value' });
	const configured = h('span.live-value', { testid: 'share-configured' });
	const drawn = h('span.live-value', { testid: 'share-drawn' });
	const actual = h('span.live-value', { testid: 'share-confirmed' });
	const moved = h('p.quiet', {
		testid: 'moves',
		title: 'clients that changed release at this router since it started; a bounce is a third move within a day',
	});
	const bars = { configured: shareBar(), drawn: shareBar(), actual: shareBar() };
	const slider = h('input', {
		type: 'range',
		class: 'blend-slider',
		min: '0',
		max: '100',
		step: 'any',
		testid: 'blend-slider',
		'aria-label': 'Blend, percent of new clients sent to the candidate',
		'aria-describedby': hint.id,
	});
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

	let shown = { state: null, why: null };
	// The draft is what the reader is about to set, with the seq at which it was begun.
	let draft = null;
	let byPointer = false;
	let sending = false;
	let told = null;
	let rest = 0;

	async function ask(target) {
		const words = await foretell(target).then(
			(answer) => answer.words,
			() => null,
		);
		if (words && draft?.target === target) {
			told = { target, words: words.join(' ') };
			redraw();
		}
	}

	const begin = (target) => {
		clearTimeout(rest);
		if (told?.target !== target) rest = setTimeout(ask, REST_MS, target);
		draft = { target, seq: draft && !sending ? draft.seq : shown.state.seq };
		redraw();
	};
	const drop = () => {
		draft = null;
		exact.value = '';
		redraw();
	};

	async function send(target) {
		if (shown.why || !shown.state) return;
		const mine = draft?.target === target ? draft : { target, seq: draft?.seq ?? shown.state.seq };
		draft = mine;
		// What is asked for while an earlier one is under way follows it.
		mine.isReady = true;
		if (sending) return;
		sending = true;
		redraw();
		const seq = target === shown.state.blend ? mine.seq : await commit(target, mine.seq);
		sending = false;
		if (draft === mine || !draft) return drop();
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
			drop();
		}
	});
	slider.addEventListener('input', () => {
		if (shown.why) redraw();
		else begin(snapBlend(slider.value));
	});
	slider.addEventListener('change', () => {
		if (byPointer && draft) send(draft.target);
		byPointer = false;
	});
	slider.addEventListener('blur', () => {
		if (draft && !sending && exact.value === '') drop();
	});
	exact.addEventListener('input', () => {
		const read = parseBlend(exact.value);
		if (exact.value.trim() === '') drop();
		else if (read.value !== undefined && !shown.why) begin(read.value);
		else redraw();
	});
	exact.addEventListener('keydown', (event) => {
		if (event.key === 'Escape') {
			event.stopPropagation();
			drop();
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

	function redraw(tried = false) {
		const { state } = shown;
		if (!state) return;
		const target = draft?.target ?? state.blend;
		if (Math.abs(Number(slider.value) - target) > 1e-9) slider.value = String(target);
		setVar(slider, '--share', `${target}%`);
		setAttr(slider, 'aria-valuetext', `${percent(target)} to the candidate`);
		setText(value, draft ? `${percent(state.blend)} → ${percent(target)}` : percent(state.blend));
		const typed = parseBlend(exact.value);
		const wrong = exact.value.trim() !== '' || tried ? typed.error : null;
		setAttr(exact, 'aria-invalid', wrong ? 'true' : null);
		hint.classList.toggle('is-bad', Boolean(wrong));
		setText(hint, wrong ?? hintText(state, target));
	}

	function hintText(state, target) {
		if (shown.why) return `Blend: ${shown.why}.`;
		if (sending) return `Setting ${percent(target)} …`;
		if (!draft || target === state.blend) return 'Percent of new clients sent to the candidate. Drag and let go, or type and press Enter.';
		const how = byPointer ? 'Let go to set it.' : 'Press Enter to set it, Escape to leave it.';
		return `${told?.target === target ? told.words : whoMoves(state.blend, target, state.settings?.transition)} ${how}`;
	}

	const element = h(
		'section.panel.blend',
		{ 'aria-labelledby': 'blend-title' },
		h('div.blend-head', {}, h('h2', { id: 'blend-title', class: 'panel-title' }, 'Blend'), value),
		slider,
		h('div.blend-entry', {}, h('div.presets', { role: 'group', 'aria-label': 'Set the blend to' }, presets), form),
		hint,
		h(
			'dl.shares',
			{},
			h('dt', {}, 'Configured'),
			h('dd', {}, bars.configured.element, configured),
			h('dt', { title: 'of the new clients lately, how many went to the candidate' }, 'Drawn'),
			h('dd', {}, bars.drawn.element, drawn),
			h('dt', { title: 'confirmed: of the clients whose pins came back in the last minutes, how many are on the candidate' }, 'Actual'),
			h('dd', {}, bars.actual.element, actual),
		),
		moved,
	);

	return {
		element,
		update({ state, why: reason }) {
			if (state.seq !== shown.state?.seq) told = null;
			shown = { state, why: reason };
			const off = Boolean(reason);
			for (const control of [slider, exact]) control.disabled = off;
			for (const button of [set, ...presets]) {
				setAttr(button, 'aria-disabled', off ? 'true' : null);
				setAttr(button, 'aria-describedby', off ? hint.id : null);
			}
			presets.forEach((button, at) => setAttr(button, 'aria-pressed', String(PRESETS[at] === state.blend)));
			bars.configured.update(state.shares?.configured ?? state.blend);
			bars.drawn.update(state.shares?.drawn);
			setText(configured, percent(state.shares?.configured ?? state.blend));
			setText(drawn, percent(state.shares?.drawn));
			bars.actual.update(state.shares?.confirmed);
			setText(actual, percent(state.shares?.confirmed));
			setText(moved, movesWords(state.moves));
			redraw();
		},
	};
}
