# What infrastructure/fluentd.yaml's plugins use of Fluentd, as far as a test needs it.
module Fluent
  module Clock
    class << self
      attr_accessor :now
    end
    self.now = 0
  end

  class MultiEventStream
    def initialize
      @events = []
    end

    def add(time, record)
      @events << [time, record]
    end

    def each(&block)
      @events.each(&block)
    end

    def to_a
      @events
    end
  end

  module Plugin
    def self.register_input(_name, _class) end

    def self.register_filter(_name, _class) end

    class TailInput
    end

    class Filter
      def self.helpers(*) end

      def self.config_param(*) end

      attr_reader :timer, :emitted

      def initialize(parameters)
        parameters.each { |name, value| instance_variable_set("@#{name}", value) }
        @emitted = []
      end

      def start() end

      def shutdown() end

      def timer_execute(_name, _seconds, &block)
        @timer = block
      end

      def event_emitter_router(label)
        emitted = @emitted
        Object.new.tap do |router|
          router.define_singleton_method(:emit) { |tag, time, record| emitted << [label, tag, time, record] }
        end
      end
    end
  end
end

%w[fluent/plugin/filter fluent/plugin/in_tail].each { |name| $LOADED_FEATURES << "#{name}.rb" }
module Kernel
  alias original_require require
  def require(name)
    name.start_with?('fluent/') || original_require(name)
  end
end
