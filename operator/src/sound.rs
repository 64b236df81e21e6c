//! Sounds for who does not look: two tones up for a pass, one deep and long for a board that did not pass, a short one for a question.

use leptos::prelude::*;
use web_sys::{AudioContext, OscillatorType};

/// What is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sound {
    Pass,
    Fail,
    Ask,
}

impl Sound {
    /// Hertz, when it begins and how long it lasts, seconds.
    fn tones(self) -> &'static [(f32, f64, f64)] {
        match self {
            Self::Pass => &[(880.0, 0.0, 0.12), (1318.5, 0.13, 0.2)],
            Self::Fail => &[(196.0, 0.0, 0.65)],
            Self::Ask => &[(659.3, 0.0, 0.09), (659.3, 0.16, 0.09)],
        }
    }
}

const LOUDNESS: f32 = 0.25;

/// The way to the loudspeaker. A browser lets a page be heard once somebody touched it, or where the kiosk was started so.
#[derive(Clone, Copy)]
pub struct Speaker {
    context: StoredValue<Option<AudioContext>, LocalStorage>,
    /// Whether anybody hears it.
    pub is_on: RwSignal<bool>,
    /// How often each was played, for whoever has no ears: pass, fail, ask.
    pub played: RwSignal<[u32; 3]>,
}

impl Speaker {
    pub fn new() -> Self {
        let context = AudioContext::new().ok();
        let is_on = context.as_ref().is_some_and(is_running);
        let played = RwSignal::new([0; 3]);
        Self { context: StoredValue::new_local(context), is_on: RwSignal::new(is_on), played }
    }

    /// Somebody touched the page or pressed a key: from now on it may be heard.
    pub fn wake(self) {
        self.context.with_value(|context| {
            if let Some(context) = context {
                if !is_running(context) {
                    // It says when it runs by its state, which is looked at with the next sound.
                    let _ = context.resume();
                }
                self.is_on.set(true);
            }
        });
    }

    pub fn play(self, sound: Sound) {
        self.played.update(|played| played[sound as usize] += 1);
        self.context.with_value(|context| {
            let Some(context) = context else { return };
            self.is_on.set(is_running(context));
            for (hertz, after, lasts) in sound.tones() {
                // A machine without a loudspeaker shows what it cannot say.
                let _ = tone(context, *hertz, context.current_time() + after, *lasts);
            }
        });
    }
}

fn is_running(context: &AudioContext) -> bool {
    context.state() == web_sys::AudioContextState::Running
}

fn tone(context: &AudioContext, hertz: f32, begins: f64, lasts: f64) -> Result<(), wasm_bindgen::JsValue> {
    let (oscillator, gain) = (context.create_oscillator()?, context.create_gain()?);
    oscillator.set_type(OscillatorType::Triangle);
    oscillator.frequency().set_value(hertz);
    gain.gain().set_value(LOUDNESS);
    oscillator.connect_with_audio_node(&gain)?;
    gain.connect_with_audio_node(&context.destination())?;
    oscillator.start_with_when(begins)?;
    oscillator.stop_with_when(begins + lasts)
}
